package linux

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SeccompFilters copies the filters of a process's first thread, the oldest first. A program that
// installs them in this order is restrained as the process is. None is an empty list. pid is the
// number of pidfd's process.
//
// ptrace(2) stops the process for this, for some 100 microseconds; on every path it goes on
// again. At most, a system call that stop signals interrupt has returned EINTR (signal(7)).
// A frozen process does not stop: then this ends with ctx. Errors are ErrNoFilterCopy,
// ErrTraced and ErrNoProcess, among others.
func SeccompFilters(ctx context.Context, pidfd *FD, pid int) ([]SeccompProgram, error) {
	mode, err := SeccompMode(pid)
	if alive := PidfdSignal(pidfd, 0); alive != nil {
		return nil, alive // what was read is another's
	}
	if err != nil || mode == SeccompDisabled {
		return nil, err
	}
	held, err := pidfd.Dup() // the tracer may outlive this call
	if err != nil {
		return nil, err
	}
	type result struct {
		filters []SeccompProgram
		err     error
	}
	done := make(chan result, 1)
	go onTracer(func() (detached bool) {
		defer held.Close()
		filters, detached, err := traceFilters(ctx, held, pid)
		done <- result{filters, err}
		return detached
	})
	select {
	case r := <-done:
		return r.filters, r.err
	case <-ctx.Done():
		// PTRACE_SEIZE itself waits for a process that a signal has stopped, in vain if it is
		// frozen as well (kernel/ptrace.c, JOBCTL_TRAPPING). The tracer ends when that is over.
		return nil, fmt.Errorf("stop process %d to copy its seccomp filters: %w", pid, ctx.Err())
	}
}

// traceFilters is the work of SeccompFilters on the thread that traces. detached says that it
// traces nobody any more.
func traceFilters(ctx context.Context, pidfd *FD, pid int) (filters []SeccompProgram, detached bool, err error) {
	t := tracer{ctx: ctx, pidfd: pidfd, pid: pid}
	if err := t.seize(0); err != nil {
		if errors.Is(err, ErrNotTraceable) {
			err = fmt.Errorf("%w: %w", ErrNoFilterCopy, err)
		}
		return nil, true, err
	}
	defer func() { detached = t.detach() }()
	if err := t.stop(); err != nil {
		return nil, false, err
	}
	filters, err = tracedFilters(pid, ctx.Err)
	return filters, false, err
}

// onTracer runs f on a locked thread, since a tracer is a thread (ptrace(2)). If f has not
// detached, the thread ends, by which the kernel detaches: exit_ptrace in kernel/ptrace.c. The
// process's first thread is never used, which Go does not end.
func onTracer(f func() (detached bool)) {
	runtime.LockOSThread()
	if IsThreadGroupLeader() {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			onTracer(f)
		}()
		<-ended
		runtime.UnlockOSThread()
		return
	}
	if f() {
		runtime.UnlockOSThread()
	}
}

// tracer is the calling thread in its relation to one process.
type tracer struct {
	ctx   context.Context
	pidfd *FD
	pid   int
	sig   unix.Signal // the signal whose delivery the stop holds up, which detach delivers
}

// request makes one request of ptrace(2) whose data is a number.
func (t *tracer) request(request int, data uintptr) error {
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(request), uintptr(t.pid), 0, data, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// seize attaches without stopping, with options of ptrace(2).
func (t *tracer) seize(options uintptr) error {
	if err := t.request(unix.PTRACE_SEIZE, options); err != nil {
		return t.seizeError(err)
	}
	return nil
}

// seizeError tells apart why ptrace says EPERM.
func (t *tracer) seizeError(err error) error {
	by, statusErr := tracerOf(t.pid)
	stat, statErr := StatProcess(t.pid)
	if alive := PidfdSignal(t.pidfd, 0); alive != nil {
		return alive
	}
	err = wrap("ptrace SEIZE", err)
	switch {
	case !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES):
		return err
	case statErr != nil || statusErr != nil:
		return errors.Join(err, statErr, statusErr)
	case stat.Ended():
		return fmt.Errorf("%w: %w", ErrNoProcess, err)
	case by != 0:
		return fmt.Errorf("%w (process %d): %w", ErrTraced, by, err)
	}
	return fmt.Errorf("%w: %w", ErrNotTraceable, err)
}

// tracerOf is the process that traces another one, 0 if none does.
func tracerOf(pid int) (uint64, error) {
	status, err := ReadStatus(pid)
	if err != nil {
		return 0, err
	}
	return status.Number("TracerPid", 10)
}

// Waits between two looks at a process that is to stop: most have stopped at the first or the
// second.
const (
	firstStopWait = 10 * time.Microsecond
	lastStopWait  = 2 * time.Millisecond
)

// stop returns when the seized process has stopped, is gone, or ctx has ended. First it makes sure
// that the process is pidfd's: while that one is not reaped, no other has its number.
func (t *tracer) stop() error {
	if err := PidfdSignal(t.pidfd, 0); err != nil {
		return err
	}
	if err := t.request(unix.PTRACE_INTERRUPT, 0); err != nil {
		return wrap("ptrace INTERRUPT", err)
	}
	for wait := firstStopWait; ; wait = min(2*wait, lastStopWait) {
		stopped, err := t.stopped()
		if stopped || err != nil {
			return err
		}
		if err := t.ctx.Err(); err != nil {
			return err
		}
		ended, err := pollFor(t.pidfd, wait)
		if err != nil {
			return err
		}
		if ended {
			return fmt.Errorf("%w: it ended before it stopped", ErrNoProcess)
		}
	}
}

// stopInfo is siginfo_t as waitid(2) fills it in on 64-bit architectures (asm-generic/siginfo.h,
// _sigchld).
type stopInfo struct {
	signo, errno, code, _ int32
	pid, uid, status      int32
	_                     [100]byte
}

// stopped looks whether the process has stopped. It asks for stops alone: an end is the parent's to
// reap.
func (t *tracer) stopped() (bool, error) {
	var info stopInfo
	err := unix.Waitid(unix.P_PID, t.pid, (*unix.Siginfo)(unsafe.Pointer(&info)),
		unix.WSTOPPED|unix.WNOHANG|unix.WALL|unix.WNOTHREAD, nil)
	switch {
	case errors.Is(err, unix.EINTR):
		return false, nil
	case errors.Is(err, unix.ECHILD): // it has ended, and no stop can come of it
		return false, fmt.Errorf("%w: it ended before it stopped", ErrNoProcess)
	case err != nil || info.pid == 0:
		return false, wrap("waitid", err)
	}
	// ptrace(2): the event is above the signal; a stop without one holds up the delivery of the
	// signal.
	if event := info.status >> 8; event == 0 {
		t.sig = unix.Signal(info.status)
	}
	return true, nil
}

// pollFor says whether fd became readable within d.
func pollFor(fd *FD, d time.Duration) (bool, error) {
	timeout := unix.NsecToTimespec(d.Nanoseconds())
	n, err := unix.Ppoll([]unix.PollFd{{Fd: int32(fd.Int()), Events: unix.POLLIN}}, &timeout, nil)
	if errors.Is(err, unix.EINTR) {
		return false, nil
	}
	return n > 0, wrap("ppoll", err)
}

// detach lets the stopped process go on, and says whether it does. One that is gone, or has not
// stopped, is detached only by the end of its tracer.
func (t *tracer) detach() bool { return t.request(unix.PTRACE_DETACH, uintptr(t.sig)) == nil }
