package soak_test

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"dlx/internal/testutil"
)

// tally is what this process holds.
type tally struct {
	descriptors, goroutines, threads int
	resident                         int // KiB, once what is free has been given back
}

func (n tally) String() string {
	return fmt.Sprintf("%d descriptors, %d goroutines, %d threads, %d KiB resident", n.descriptors, n.goroutines, n.threads, n.resident)
}

func count(t *testing.T) tally {
	t.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	n := tally{descriptors: len(fds), goroutines: runtime.NumGoroutine()}
	status, err := os.ReadFile("/proc/self/status") // proc_pid_status(5)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSuffix(strings.TrimSpace(value), " kB")
		switch name {
		case "Threads":
			n.threads, err = strconv.Atoi(value)
		case "VmRSS":
			n.resident, err = strconv.Atoi(value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// How much more memory there may be: the pages of a process come in as they are used.
const (
	residentGrowth = 5   // percent
	settled        = 100 // sessions, after which memory is compared
)

// compare wants no more in the end, after so many sessions, than there was; what is closed in the background gets a moment. The
// runtime keeps threads that are idle, and on a busy machine makes more of them: fewer than one in two sessions leaves.
func compare(t *testing.T, sessions int, was tally) {
	t.Helper()
	testutil.Wait(t, "as few descriptors and goroutines as before: "+was.String(), limit, func() bool {
		now := count(t)
		return now.descriptors <= was.descriptors && now.goroutines <= was.goroutines
	})
	now := count(t)
	t.Logf("in the end: %v", now)
	if now.threads > was.threads+sessions/2 {
		t.Errorf("%d threads, before %d", now.threads, was.threads)
	}
}

// groups are the numbers of control groups that the kernel has, by controller, with those that are removed and still held
// (cgroups(7), /proc/cgroups).
func groups(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("/proc/cgroups")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if f[0] == "memory" || f[0] == "pids" || f[0] == "devices" {
			list = append(list, f[0]+" "+f[2])
		}
	}
	return strings.Join(list, ", ")
}
