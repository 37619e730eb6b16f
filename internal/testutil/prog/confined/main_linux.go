// Confined confines itself as the process that prints packets does. It tries forbidden things on
// several threads, and says what worked. With a number, it takes so many MiB of memory instead.
// With "stall" it reads packets that do not come to their end, with "slow" some that come slowly.
// With the name of a step of linux.Confine, it leaves that one out.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"dlx/internal/linux"
	"dlx/internal/printer"
)

func main() {
	if len(os.Args) > 1 && (os.Args[1] == "stall" || os.Args[1] == "slow") {
		p := printer.Process{Stall: 200 * time.Millisecond}
		_, err := p.Run(context.Background(), &busy{endless: os.Args[1] == "stall"}, io.Discard)
		fmt.Println(err)
		return
	}
	if len(os.Args) > 1 && (os.Args[1] == linux.LandlockStep || os.Args[1] == linux.SeccompStep) {
		without(os.Args[1])
		return
	}
	open, err := os.Open("/proc/self/status")
	if err == nil {
		err = printer.Confine()
	}
	if err != nil {
		fmt.Println("confine:", err)
		os.Exit(2)
	}
	if len(os.Args) > 1 {
		n, _ := strconv.Atoi(os.Args[1])
		b := make([]byte, n<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		fmt.Println("took", len(b)>>20)
		return
	}
	status := make([]byte, 4096)
	n, err := open.Read(status) // what is open can be read
	fmt.Printf("%s%v\n", status[:n], err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			runtime.LockOSThread()
			try()
		})
	}
	wg.Wait()
	runtime.GC()
	fmt.Println("done")
}

// without says what each call comes to when one step of the confinement is left out.
func without(step string) {
	abi, err := linux.LandlockABI()
	if err == nil {
		err = linux.ConfineWithout(step)
	}
	if err != nil {
		fmt.Println("confine:", err)
		os.Exit(2)
	}
	fmt.Println("Landlock", abi)
	_, err = os.Open("/etc/passwd")
	fmt.Println("open:", err)
	fmt.Println("create:", os.WriteFile("/tmp/dlx-confined", nil, 0o600))
	_, err = os.ReadDir("/proc")
	fmt.Println("list:", err)
	fmt.Println("execute:", syscall.Exec("/bin/true", []string{"true"}, nil))
}

// busy is an empty file that takes CPU time to be read: without an end, or for each of many reads
// less than the watch allows.
type busy struct {
	endless bool
	reads   int
}

func (b *busy) Read(p []byte) (int, error) {
	for began := linux.ProcessTime(); b.endless || linux.ProcessTime()-began < 50*time.Millisecond; {
		continue
	}
	if b.reads++; b.reads > 20 {
		return 0, io.EOF
	}
	header := "\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x4d\x3c\x2b\x1a\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x1c\x00\x00\x00"
	return copy(p, header), nil // a section of pcapng without a packet
}

func try() {
	for what, f := range map[string]func() error{
		"open":   func() error { _, err := os.Open("/etc/passwd"); return err },
		"create": func() error { return os.WriteFile("/tmp/dlx-confined", nil, 0o600) },
		"stat":   func() error { _, err := os.Stat("/etc/passwd"); return err },
		"socket": func() error { _, err := net.Dial("udp", "127.0.0.1:9"); return err },
		"unix":   func() error { _, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0); return err },
		"exec":   func() error { return exec.Command("/bin/true").Run() },
		"execve": func() error { return syscall.Exec("/bin/true", []string{"true"}, nil) },
		"ptrace": func() error { return syscall.PtraceAttach(os.Getppid()) },
		"kill":   func() error { return syscall.Kill(os.Getppid(), 0) },
		"fork": func() error {
			pid, _, errno := syscall.RawSyscall(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0)
			if errno == 0 && pid == 0 {
				for {
					_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
				}
			}
			if errno == 0 {
				return nil
			}
			return errno
		},
		"code": func() error {
			_, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
			return err
		},
		"chroot": func() error { return syscall.Chroot("/") },
		"mount":  func() error { return syscall.Mount("x", "/mnt", "tmpfs", 0, "") },
	} {
		if err := f(); err == nil {
			fmt.Println("worked:", what)
		}
	}
}
