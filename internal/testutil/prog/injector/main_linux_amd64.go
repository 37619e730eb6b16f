// Injector attaches to every other process that it can trace, and makes it open a file, its
// argument, for reading and writing, read from it, and write "overwritten" to it. It prints "tries
// N" now and then, "attached" once, and "got ..." where the file was opened.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

func main() {
	runtime.LockOSThread() // ptrace(2): the tracer is a thread
	path := os.Args[1]
	fmt.Println("ready")
	tries, told, attached := 0, time.Now(), false
	for {
		dirs, _ := filepath.Glob("/proc/[0-9]*/task/[0-9]*")
		for _, dir := range dirs {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			leader := filepath.Base(filepath.Dir(filepath.Dir(dir)))
			if leader == "1" || leader == fmt.Sprint(os.Getpid()) {
				continue
			}
			tries++
			ok, result := inject(pid, path)
			if ok && !attached {
				attached = true
				fmt.Println("attached")
			}
			if result != "" {
				fmt.Println("got", result)
			}
		}
		if time.Since(told) > 100*time.Millisecond {
			told = time.Now()
			fmt.Println("tries", tries)
		}
	}
}

// inject makes a stopped thread call openat(2), and says whether it came so far and what that gave.
func inject(pid int, path string) (bool, string) {
	if err := syscall.PtraceAttach(pid); err != nil {
		return false, ""
	}
	defer func() {
		_ = syscall.PtraceDetach(pid)
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}()
	if !stopped(pid) {
		return false, ""
	}
	var old syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(pid, &old); err != nil {
		return false, ""
	}
	at := uintptr(old.Rsp-1024) &^ 15 // below what the System V ABI lets a function use without asking
	data := append([]byte(path), 0)
	saved, code := make([]byte, 512), make([]byte, 2)
	if _, err := syscall.PtracePeekData(pid, at, saved); err != nil {
		return false, ""
	}
	_, _ = syscall.PtracePeekText(pid, uintptr(old.Rip), code)
	if _, err := syscall.PtracePokeText(pid, uintptr(old.Rip), []byte{0x0f, 0x05}); err != nil { // the instruction syscall
		return false, ""
	}
	defer func() {
		_, _ = syscall.PtracePokeText(pid, uintptr(old.Rip), code)
		_, _ = syscall.PtracePokeData(pid, at, saved)
		_ = syscall.PtraceSetRegs(pid, &old)
	}()
	_, _ = syscall.PtracePokeData(pid, at, data)
	fd, ok := call(pid, &old, syscall.SYS_OPEN, uint64(at), syscall.O_RDWR|syscall.O_NONBLOCK, 0)
	if !ok {
		return false, ""
	}
	if fd < 0 {
		return true, ""
	}
	n, _ := call(pid, &old, syscall.SYS_READ, uint64(fd), uint64(at), 64)
	seen := make([]byte, 64)
	_, _ = syscall.PtracePeekData(pid, at, seen)
	_, _ = syscall.PtracePokeData(pid, at, []byte("overwritten\n"))
	written, _ := call(pid, &old, syscall.SYS_PWRITE64, uint64(fd), uint64(at), 12)
	_, _ = call(pid, &old, syscall.SYS_CLOSE, uint64(fd), 0, 0)
	if n <= 0 {
		return true, "" // what open(2) gave was of another call, which a signal had begun again: /dev/null is 0, say
	}
	return true, fmt.Sprintf("%s in process %d: read %d, %.20q, wrote %d", path, pid, n, seen, written)
}

// call makes one system call with the instruction that lies at old's.
func call(pid int, old *syscall.PtraceRegs, number, a, b, c uint64) (int64, bool) {
	regs := *old
	regs.Rax, regs.Rdi, regs.Rsi, regs.Rdx, regs.R10 = number, a, b, c, 0
	regs.Orig_rax = ^uint64(0) // no call is begun again
	if syscall.PtraceSetRegs(pid, &regs) != nil || syscall.PtraceSingleStep(pid) != nil || !stopped(pid) {
		return 0, false
	}
	if syscall.PtraceGetRegs(pid, &regs) != nil {
		return 0, false
	}
	return int64(regs.Rax), true
}

// stopped waits until the thread stops.
func stopped(pid int) bool {
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(pid, &status, syscall.WALL, nil)
		if err != syscall.EINTR {
			return err == nil && status.Stopped()
		}
	}
}
