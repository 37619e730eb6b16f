package linux

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// lockAny is who has raised the limit: it is the whole process's.
var lockAny sync.Mutex

// LockAnyMemory lets this process lock as much memory as it likes (setrlimit(2), RLIMIT_MEMLOCK),
// until restore is called. Before Linux 5.11, maps and programs of eBPF count as locked memory, and
// those of all of a user's processes together.
func LockAnyMemory() (restore func() error, err error) {
	lockAny.Lock()
	defer func() {
		if err != nil {
			lockAny.Unlock()
		}
	}()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &was); err != nil {
		return nil, wrap("getrlimit", err)
	}
	none := func() error {
		lockAny.Unlock()
		return nil
	}
	err = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
	if errors.Is(err, unix.EPERM) {
		return none, nil // without CAP_SYS_RESOURCE; what is left may do
	}
	if err != nil {
		return nil, wrap("setrlimit", err)
	}
	return func() error {
		defer lockAny.Unlock()
		return wrap("setrlimit", unix.Setrlimit(unix.RLIMIT_MEMLOCK, &was))
	}, nil
}

// Monotonic is the kernel's CLOCK_MONOTONIC, by which it stamps events (bpf_ktime_get_ns).
func Monotonic() (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0, wrap("clock_gettime", err)
	}
	return time.Duration(ts.Nano()), nil
}
