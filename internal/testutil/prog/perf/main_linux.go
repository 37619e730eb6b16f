// Perf counts its own instructions for a moment by perf_event_open(2), as a profiler does, and
// fails where that is forbidden.
package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// attr is the beginning of struct perf_event_attr (linux/perf_event.h), PERF_ATTR_SIZE_VER0.
type attr struct {
	kind, size             uint32
	config, period, sample uint64
	readFormat, flags      uint64
	wakeup, breakpoint     uint32
	breakpointAddr         uint64
}

const (
	typeSoftware  = 1
	taskClock     = 1
	excludeKernel = 1 << 5
)

func main() {
	a := attr{kind: typeSoftware, size: uint32(unsafe.Sizeof(attr{})), config: taskClock, flags: excludeKernel}
	fd, _, errno := syscall.Syscall6(sysPerfEventOpen, uintptr(unsafe.Pointer(&a)), 0, ^uintptr(0), ^uintptr(0), 0, 0)
	if errno != 0 {
		fmt.Fprintln(os.Stderr, "perf_event_open:", errno)
		os.Exit(1)
	}
	buf := make([]byte, 8)
	if _, err := syscall.Read(int(fd), buf); err != nil {
		fmt.Fprintln(os.Stderr, "read:", err)
		os.Exit(1)
	}
}
