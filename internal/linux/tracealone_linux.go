package linux

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// aloneLimit is how long the other threads of a process may take to end with it.
const aloneLimit = time.Second

// aloneIn says whether a process's first thread ends alone. All others are told to end by a SIGKILL
// of each thread's own (kernel/signal.c, zap_other_threads), unless one executes a program.
func aloneIn(pid int) bool {
	for end := time.Now().Add(aloneLimit); ; time.Sleep(lastStopWait) {
		if !othersGoOn(pid) {
			return false
		}
		if time.Now().After(end) {
			return true
		}
	}
}

// othersGoOn says whether a thread other than the first is not about to end.
func othersGoOn(pid int) bool {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	threads, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, thread := range threads {
		if thread.Name() == fmt.Sprint(pid) {
			continue
		}
		data, err := os.ReadFile(dir + "/" + thread.Name() + "/status")
		if err != nil {
			continue
		}
		status := Status(data)
		state, serr := status.Field("State")
		pending, perr := status.Number("SigPnd", 16)
		if serr == nil && perr == nil && state[0] != 'Z' && state[0] != 'X' && pending&(1<<(unix.SIGKILL-1)) == 0 {
			return true
		}
	}
	return false
}
