// Chatter sends datagrams to itself over the loopback interface, so many a second. Its own name, as
// the kernel knows it, is its second argument, if it has one.
package main

import (
	"bytes"
	"log"
	"net"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	rate, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) > 2 {
		runtime.LockOSThread()
		name, err := syscall.BytePtrFromString(os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		const prSetName = 15 // prctl(2)
		_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetName, uintptr(unsafe.Pointer(name)), 0)
	}
	to, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	conn, err := net.Dial("udp", to.LocalAddr().String())
	if err != nil {
		log.Fatal(err)
	}
	text := bytes.Repeat([]byte("\x1b]0;owned\a\x1b[2J\r\n\x9b31m"), 50) // a terminal's own commands, 1,000 bytes of them
	for range time.Tick(time.Second / time.Duration(rate)) {
		_, _ = conn.Write(text)
	}
}
