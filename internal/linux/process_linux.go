package linux

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Signal numbers that the packages above pass on.
const (
	SIGHUP  = unix.SIGHUP
	SIGKILL = unix.SIGKILL
	SIGCONT = unix.SIGCONT
	SIGSTOP = unix.SIGSTOP
	SIGTERM = unix.SIGTERM
)

// Signal is a signal number (signal(7)).
type Signal = unix.Signal

// ErrNoProcess reports that a process is gone (ESRCH).
var ErrNoProcess error = unix.ESRCH

// PidfdOpen returns a pidfd for the process (pidfd_open(2), Linux 5.3). It is close-on-exec.
func PidfdOpen(pid int) (*FD, error) {
	raw, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, wrap("pidfd_open", err)
	}
	return NewFD(raw), nil
}

// PidfdSignal sends sig to the process behind pidfd; signal 0 only asks whether it is there. A
// process that is gone is ErrNoProcess.
func PidfdSignal(pidfd *FD, sig Signal) error {
	return wrap("pidfd_send_signal", unix.PidfdSendSignal(pidfd.Int(), sig, nil, 0))
}

// PidfdWait returns when the process behind pidfd has ended, or with ctx's error. A pidfd is
// readable once its process has terminated (pidfd_open(2)).
func PidfdWait(ctx context.Context, pidfd *FD) error {
	wake, err := eventfd()
	if err != nil {
		return err
	}
	defer wake.Close()
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		_, _ = unix.Write(wake.Int(), []byte{1, 0, 0, 0, 0, 0, 0, 0})
	})
	defer func() {
		if !stop() {
			<-woken // before wake is closed
		}
	}()
	fds := []unix.PollFd{{Fd: int32(pidfd.Int()), Events: unix.POLLIN}, {Fd: int32(wake.Int()), Events: unix.POLLIN}}
	for {
		if _, err := retry(func() (int, error) { return unix.Poll(fds, -1) }); err != nil {
			return wrap("poll pidfd", err)
		}
		switch {
		case fds[0].Revents != 0:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

func eventfd() (*FD, error) {
	raw, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return nil, wrap("eventfd", err)
	}
	return NewFD(raw), nil
}

// WaitStatus is the status of an ended child (wait(2)).
type WaitStatus = unix.WaitStatus

// Wait reaps the child pid and returns its status.
func Wait(pid int) (WaitStatus, error) {
	var ws WaitStatus
	_, err := retry(func() (int, error) { return unix.Wait4(pid, &ws, 0, nil) })
	return ws, wrap("wait4", err)
}

// WaitTimeout reaps the child pid if it ends within d; done says whether it did.
func WaitTimeout(pid int, pidfd *FD, d time.Duration) (ws WaitStatus, done bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if err := PidfdWait(ctx, pidfd); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return 0, false, nil
		}
		return 0, false, err
	}
	ws, err = Wait(pid)
	return ws, err == nil, err
}

// IsThreadGroupLeader says whether the thread is the process's first:
// /proc/PID shows its namespaces.
func IsThreadGroupLeader() bool { return unix.Gettid() == os.Getpid() }

// Errno is an error number of the kernel's.
type Errno = unix.Errno //nolint:errname // errno(3) is its name

// ClockTicks is USER_HZ, the unit of the times in /proc/PID/stat, the same on every architecture
// that Go runs on.
const ClockTicks = 100

// BootTime is when the host was booted, by its present clock.
func BootTime() (time.Time, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return time.Time{}, wrap("clock_gettime", err)
	}
	return time.Now().Add(-time.Duration(ts.Nano())), nil
}
