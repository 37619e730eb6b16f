// Planter makes nodes of a block device, its first two arguments, and swaps each of the files that
// follow with one and back, as fast as it can: whoever opens such a file meets either. It prints
// "tries N" now and then, a try being a node in a file's place.
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"syscall"
	"time"
)

func main() {
	major, _ := strconv.Atoi(os.Args[1])
	minor, _ := strconv.Atoi(os.Args[2])
	files := os.Args[3:]
	for _, f := range files {
		if err := plant(f, major<<8|minor); err != nil {
			log.Fatalf("%s: %v", f, err)
		}
	}
	fmt.Println("ready")
	told := time.Now()
	for tries := 0; ; {
		for _, f := range files {
			// One that is not there is the other side's doing, or a mount.
			_ = os.Rename(f, f+".aside")
			_ = os.Rename(f+".node", f)
			tries++
			_ = os.Rename(f, f+".node")
			_ = os.Rename(f+".aside", f)
		}
		if time.Since(told) > 100*time.Millisecond {
			told = time.Now()
			fmt.Println("tries", tries)
		}
	}
}

// plant makes a node beside a file, and an empty file where there is none.
func plant(file string, number int) error {
	if err := syscall.Mknod(file+".node", syscall.S_IFBLK|0o666, number); err != nil {
		return err
	}
	if err := os.Chmod(file+".node", 0o666); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDONLY, 0o666)
	if err != nil {
		return err
	}
	return f.Close()
}
