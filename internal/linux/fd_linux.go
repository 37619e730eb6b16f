package linux

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// FD is an owned file descriptor. Exactly one owner closes it; a forgotten one is closed by the
// garbage collector, which the leak-checking tests report.
type FD struct {
	raw     int
	cleanup runtime.Cleanup
}

// NewFD takes ownership of raw, which must be open and close-on-exec.
func NewFD(raw int) *FD {
	fd := &FD{raw: raw}
	fd.cleanup = runtime.AddCleanup(fd, func(raw int) { _ = unix.Close(raw) }, raw)
	return fd
}

// Int is the descriptor's number. It stays valid while fd is reachable and not closed: keep fd
// alive past the call.
func (fd *FD) Int() int {
	if fd == nil {
		return -1
	}
	return fd.raw
}

// Close releases the descriptor; closing twice, or closing nil, does nothing.
func (fd *FD) Close() error {
	if fd == nil || fd.raw < 0 {
		return nil
	}
	return wrap("close", unix.Close(fd.Disown()))
}

// Disown hands the descriptor's number to a new owner, who must close it.
func (fd *FD) Disown() int {
	fd.cleanup.Stop()
	raw := fd.raw
	fd.raw = -1
	return raw
}

// File turns the descriptor into an *os.File of the given name, which becomes its owner.
func (fd *FD) File(name string) *os.File { return os.NewFile(uintptr(fd.Disown()), name) }

// Dup duplicates the descriptor, close-on-exec (fcntl(2), F_DUPFD_CLOEXEC).
func (fd *FD) Dup() (*FD, error) {
	raw, err := unix.FcntlInt(uintptr(fd.raw), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, wrap("fcntl F_DUPFD_CLOEXEC", err)
	}
	return NewFD(raw), nil
}

// DupStandard duplicates one of this process's descriptors 0 to 2, close-on-exec.
func DupStandard(n int) (*FD, error) {
	raw, err := unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, firstOther)
	if err != nil {
		return nil, wrap("fcntl F_DUPFD_CLOEXEC", err)
	}
	return NewFD(raw), nil
}

// CloseAll closes every descriptor and joins the errors.
func CloseAll(fds ...*FD) error {
	var errs []error
	for _, fd := range fds {
		errs = append(errs, fd.Close())
	}
	return errors.Join(errs...)
}

// wrap names the system call that failed; a nil error stays nil.
func wrap(call string, err error) error {
	if err == nil {
		return nil
	}
	if since[call] != "" && errors.Is(err, unix.ENOSYS) {
		return noCall(call)
	}
	return fmt.Errorf("%s: %w", call, err)
}

// retry repeats a call that a signal interrupted (signal(7), EINTR).
func retry[T any](call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if !errors.Is(err, unix.EINTR) {
			return v, err
		}
	}
}

// firstOther is the descriptor behind standard input, output and error.
const firstOther = 3

// KeepFromPrograms keeps descriptors from programs that are executed from now on, except standard
// input, output and error. Whoever started this one may have left some open.
func KeepFromPrograms() error {
	err := unix.CloseRange(firstOther, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if err == unix.EINVAL || err == unix.ENOSYS { // the flag is of Linux 5.11
		return keepEach()
	}
	return wrap("close_range", err)
}

// keepEach is KeepFromPrograms, descriptor by descriptor.
func keepEach() error {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range list {
		if n, err := strconv.Atoi(e.Name()); err == nil && n >= firstOther {
			unix.CloseOnExec(n) // that of the list itself is closed already
		}
	}
	return nil
}
