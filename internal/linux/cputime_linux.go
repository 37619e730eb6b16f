package linux

import (
	"time"

	"golang.org/x/sys/unix"
)

// ThreadTime is the CPU time that the calling thread has used so far (clock_gettime(2),
// CLOCK_THREAD_CPUTIME_ID). Waiting for a busy machine does not use it. The caller has locked its
// goroutine to the thread.
func ThreadTime() time.Duration { return cpuTime(unix.CLOCK_THREAD_CPUTIME_ID) }

// ProcessTime is the CPU time that all threads of this process have used so far.
func ProcessTime() time.Duration { return cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID) }

func cpuTime(clock int32) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0 // both have been there since Linux 2.6.12
	}
	return time.Duration(ts.Nano())
}
