package linux

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// LockAnyMemory lets this process lock as much memory as it likes (setrlimit(2), RLIMIT_MEMLOCK),
// until restore is called.
func LockAnyMemory() (restore func() error, err error) {
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &was); err != nil {
		return nil, wrap("getrlimit", err)
	}
	err = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
	if errors.Is(err, unix.EPERM) {
		return func() error { return nil }, nil // without CAP_SYS_RESOURCE; what is left may do
	}
	if err != nil {
		return nil, wrap("setrlimit", err)
	}
	return func() error { return wrap("setrlimit", unix.Setrlimit(unix.RLIMIT_MEMLOCK, &was)) }, nil
}

// Monotonic is the kernel's CLOCK_MONOTONIC, by which it stamps events (bpf_ktime_get_ns).
func Monotonic() (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0, wrap("clock_gettime", err)
	}
	return time.Duration(ts.Nano()), nil
}
