package initproto

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"dlx/internal/failpoint"
)

// forwarded are the signals that dlx passes on to the command.
var forwarded = []os.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM,
	syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTSTP, syscall.SIGCONT,
}

const prSetChildSubreaper = 36 // prctl(2)

// Threads bounds dlx-init's threads, which count in the session's limit of processes. A Go program
// that needs a thread and gets none dies at once. dlx-init makes all but one before the command
// starts; the runtime makes another if none of those is idle yet, on a busy machine.
const Threads = 9

// Run is dlx-init. It starts the command in a session of its own, reports what became of it, and
// reaps what the command leaves behind: a container's init may never reap. It ends when it has no
// child left. dlx, outside, ends those that stay.
func Run(args []string) int {
	syscall.CloseOnExec(StatusFD)
	status := os.NewFile(StatusFD, "status")
	tty, dir, command, ok := ParseArgs(args)
	if !ok {
		return 125
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0); errno != 0 {
		return 125
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, forwarded...)
	failpoint.At("started")
	makeThreads()
	pid, failure := start(tty, dir, command)
	if pid == 0 {
		_ = failure.Write(status)
		return 0
	}
	failpoint.At("forked")
	_ = Record{Kind: Started}.Write(status)
	failpoint.At("told")
	go func() {
		for s := range signals {
			_ = syscall.Kill(-pid, s.(syscall.Signal))
		}
	}()
	reap(pid, status)
	failpoint.At("reaped")
	return 0
}

// makeThreads makes the threads that the runtime will need. It keeps idle ones and takes them
// first: one for the goroutine that runs, one in wait4(2), one for signals, two of its own; the
// rest are spare. The container's GOMAXPROCS could ask for more, and is overruled.
func makeThreads() {
	runtime.GOMAXPROCS(1)
	var made, all sync.WaitGroup
	release := make(chan struct{})
	for missing := missingThreads(); missing > 0; missing = missingThreads() {
		for range missing {
			made.Add(1)
			all.Go(func() {
				runtime.LockOSThread() // a goroutine that is locked to its thread keeps it while it waits
				defer runtime.UnlockOSThread()
				made.Done()
				<-release
			})
		}
		made.Wait()
	}
	close(release)
	all.Wait()
}

func missingThreads() int {
	there, _ := runtime.ThreadCreateProfile(nil)
	return Threads - 1 - there
}

// reap waits for every child and reports the command's status.
func reap(command int, status *os.File) {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return
		case pid == command:
			failpoint.At("exited")
			_ = Record{Exited, uint32(ws)}.Write(status)
			failpoint.At("reported")
			releaseStdio()
		}
	}
}

// releaseStdio lets dlx see the end of the command's output, although this process goes on.
func releaseStdio() {
	for fd := range 3 {
		_ = syscall.Close(fd)
	}
}

// start starts the command; a PID of 0 comes with the reason.
func start(tty bool, dir string, command []string) (int, Record) {
	if err := syscall.Chdir(dir); err != nil {
		return 0, failed(NoDir, err)
	}
	path, err := lookPath(command[0])
	if err != nil {
		return 0, failed(kindOf(err), err)
	}
	attr := &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: tty},
	}
	pid, err := syscall.ForkExec(path, command, attr)
	if err != nil {
		return 0, failed(NotRun, err) // it was there: a missing loader is ENOENT too
	}
	return pid, Record{}
}

func failed(kind Kind, err error) Record {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		errno = syscall.EINVAL
	}
	return Record{kind, uint32(errno)}
}

func kindOf(err error) Kind {
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) {
		return NotFound
	}
	return NotRun
}

// lookPath finds a program as execvp(3) does; unlike os/exec it keeps EACCES apart from ENOENT.
func lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, executable(name)
	}
	found := error(syscall.ENOENT)
	for dir := range strings.SplitSeq(os.Getenv("PATH"), ":") {
		if !strings.HasPrefix(dir, "/") {
			continue // a relative entry would run what the working directory holds
		}
		err := executable(dir + "/" + name)
		if err == nil {
			return dir + "/" + name, nil
		}
		if kindOf(err) == NotRun {
			found = err
		}
	}
	return "", found
}

func executable(path string) error {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return err
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return syscall.EACCES
	}
	const executeOK = 1 // access(2), X_OK
	return syscall.Access(path, executeOK)
}
