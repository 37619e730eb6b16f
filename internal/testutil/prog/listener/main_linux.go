// Listener says "listens", and then prints a line for each use of the files that it is given, as
// inotify(7) tells of it, until it is ended.
package main

import (
	"fmt"
	"os"

	"syscall"
)

func main() {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	if err != nil {
		fail(err)
	}
	for _, path := range os.Args[1:] {
		if _, err := syscall.InotifyAddWatch(fd, path, syscall.IN_OPEN|syscall.IN_ACCESS|syscall.IN_CLOSE); err != nil {
			fail(err)
		}
	}
	fmt.Println("listens")
	buf := make([]byte, 4096)
	for {
		n, err := syscall.Read(fd, buf)
		if err != nil {
			fail(err)
		}
		fmt.Println("used", n)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
