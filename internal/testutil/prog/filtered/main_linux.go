// Filtered installs seccomp filters, each a file of struct sock_filter, in the order of its
// arguments. Then it executes a program, or makes system calls without arguments and prints a line
// "NUMBER ERRNO" for each:
//
//	filtered FILE... -- PROGRAM ARGUMENT...
//	filtered -call NUMBER,... FILE...
package main

import (
	"fmt"
	"log"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// Numbers of linux/prctl.h and linux/seccomp.h.
const (
	prSetNoNewPrivs = 38
	setModeFilter   = 1
	flagTsync       = 1
)

// seccompNumber is seccomp(2)'s, which package syscall lacks.
var seccompNumber = map[string]uintptr{"amd64": 317, "arm64": 277}[runtime.GOARCH]

func main() {
	files, command, calls := os.Args[1:], []string(nil), ""
	if i := slices.Index(files, "--"); i >= 0 {
		files, command = files[:i], files[i+1:]
	} else if len(files) > 1 && files[0] == "-call" {
		calls, files = files[1], files[2:]
	}
	runtime.LockOSThread()
	for _, file := range files {
		install(file)
	}
	if len(command) > 0 {
		log.Fatal(command[0], ": ", syscall.Exec(command[0], command, os.Environ()))
	}
	for word := range strings.SplitSeq(calls, ",") {
		nr, err := strconv.Atoi(word)
		if err != nil {
			log.Fatal(err)
		}
		_, _, errno := syscall.Syscall6(uintptr(nr), 0, 0, 0, 0, 0, 0)
		fmt.Println(nr, int(errno))
	}
}

func install(file string) {
	program, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		log.Fatal("set no_new_privs: ", errno)
	}
	fprog := struct {
		length uint16
		filter *byte
	}{uint16(len(program) / 8), &program[0]}
	_, _, errno := syscall.RawSyscall(seccompNumber, setModeFilter, flagTsync, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		log.Fatal(file, ": seccomp: ", errno)
	}
}
