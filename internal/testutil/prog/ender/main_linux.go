// Ender is a first process that ends, or only seems to, in the way that its argument says. With
// -wait it does so when it gets SIGUSR1, for which its name is "ready" once it is.
package main

import (
	"flag"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func init() { runtime.LockOSThread() } // main runs on the first thread (go doc runtime.LockOSThread)

func main() {
	wait := flag.Bool("wait", false, "wait for SIGUSR1")
	flag.Parse()
	if *wait {
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGUSR1)
		name := append([]byte("ready"), 0)
		_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0)
		<-told
	}
	what, value, _ := strings.Cut(flag.Arg(0), "=")
	switch what {
	case "exit":
		status, err := strconv.Atoi(value)
		if err != nil {
			log.Fatal(err)
		}
		os.Exit(status)
	case "segv":
		fault()
	case "eat":
		eat()
	case "execute": // by another thread, which becomes the first
		go func() {
			runtime.LockOSThread()
			log.Fatal(syscall.Exec("/proc/self/exe", []string{"ender", "-wait", value}, os.Environ()))
		}()
	case "leave": // the first thread ends, and the others go on
		go func() {
			stay()
		}()
		_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT, 0, 0, 0)
	case "fork": // processes for ever
		for {
			_ = exec.Command("/proc/self/exe", "exit=0").Run()
		}
	case "trace": // itself, by a child
		trace()
	default:
		log.Fatalf("how to end by %q?", what)
	}
	stay()
}

// stay does nothing for ever, which the runtime does not take for a deadlock.
func stay() {
	for {
		<-time.After(time.Hour)
	}
}

// fault ends the process by a SIGSEGV that it has no handler for. A container's first process can
// send itself none.
func fault() {
	var none [4]uint64 // SIG_DFL
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGSEGV), uintptr(unsafe.Pointer(&none)), 0, 8, 0, 0)
	var nothing *int
	*nothing = 1
}

// eat takes memory until there is none.
func eat() {
	var all [][]byte
	for {
		piece := make([]byte, 1<<20)
		for i := range piece {
			piece[i] = 'x'
		}
		all = append(all, piece)
		runtime.KeepAlive(all)
	}
}

// trace has a child trace this process, as a program does that does not want to be looked at.
func trace() {
	if len(os.Args) > 2 && os.Args[2] == "child" {
		runtime.LockOSThread()
		const seize = 0x4206
		if _, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, seize, uintptr(os.Getppid()), 0, 0, 0, 0); errno != 0 {
			log.Fatal(errno)
		}
		for {
			var ws syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &ws, 0, nil)
			if err != nil {
				log.Fatal(err)
			}
			_ = syscall.PtraceCont(pid, int(ws.StopSignal()))
		}
	}
	if err := exec.Command("/proc/self/exe", "trace", "child").Start(); err != nil {
		log.Fatal(err)
	}
}
