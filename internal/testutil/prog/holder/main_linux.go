// Holder attaches to every thread of other processes that it can trace, lets them go on, and ends
// the processes after a while. It never waits for a thread. So a thread that ended stays its
// tracer's, and for anybody else its process does not come to its end (ptrace(2)). It prints "tries
// N" now and then.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	runtime.LockOSThread() // ptrace(2): the tracer is a thread
	self := fmt.Sprint(os.Getpid())
	fmt.Println("ready")
	held := map[int]bool{}
	tries, told := 0, time.Now()
	for {
		dirs, _ := filepath.Glob("/proc/[0-9]*/task/[0-9]*")
		for _, dir := range dirs {
			parts := strings.Split(dir, "/")
			tid, _ := strconv.Atoi(parts[4])
			if parts[2] == "1" || parts[2] == self || held[tid] {
				continue
			}
			tries++
			held[tid] = seize(tid) == nil
			pid, _ := strconv.Atoi(parts[2])
			time.AfterFunc(200*time.Millisecond, func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
		}
		if time.Since(told) > 100*time.Millisecond {
			told = time.Now()
			fmt.Println("tries", tries)
		}
	}
}

// seize traces a thread without stopping it.
func seize(tid int) error {
	const seize = 0x4206 // PTRACE_SEIZE, since Linux 3.4
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, seize, uintptr(tid), 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
