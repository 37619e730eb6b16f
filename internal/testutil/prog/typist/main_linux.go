// Typist types its first argument into every terminal that it can reach: TIOCSTI and TIOCLINUX
// (ioctl_tty(2), ioctl_console(2)) on its descriptors, /dev/tty, /dev/console and all of /dev/pts,
// as often as its second argument says. It prints "tries N" at its end and a line for each terminal
// that took it.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"unsafe"
)

// Numbers of asm-generic/ioctls.h and linux/tiocl.h.
const (
	tiocsti   = 0x5412
	tioclinux = 0x541c
	setSel    = 2
	pasteSel  = 3
)

func main() {
	text := os.Args[1]
	rounds, err := strconv.Atoi(os.Args[2])
	if err != nil {
		rounds = 1
	}
	fds := []int{0, 1, 2}
	names, _ := filepath.Glob("/dev/pts/*")
	for _, name := range append(names, "/dev/tty", "/dev/console", "/dev/tty0", "/dev/tty1") {
		if fd, err := syscall.Open(name, syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0); err == nil {
			fds = append(fds, fd)
		}
	}
	tries, took := 0, map[int]bool{}
	for range rounds {
		for _, fd := range fds {
			for _, b := range []byte(text) {
				tries++
				if ioctl(fd, tiocsti, unsafe.Pointer(&b)) {
					took[fd] = true
				}
			}
			// TIOCL_SETSEL takes four coordinates and a mode after its number, of 16 bits each.
			sel := [11]byte{setSel, 1, 0, 1, 0, 80, 0, 1, 0, 2}
			paste := byte(pasteSel)
			tries += 2
			ioctl(fd, tioclinux, unsafe.Pointer(&sel))
			ioctl(fd, tioclinux, unsafe.Pointer(&paste))
		}
	}
	for fd := range took {
		fmt.Println("typed into", fd)
	}
	fmt.Println("tries", tries)
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) bool {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
	return errno == 0
}
