package soak_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"dlx/internal/testutil"
)

// tally is what this process holds.
type tally struct {
	descriptors         map[string]bool // each with what it is open for
	goroutines, threads int
	resident            int // KiB
}

func (n tally) String() string {
	return fmt.Sprintf("%d descriptors, %d goroutines, %d threads, %d KiB resident", len(n.descriptors), n.goroutines, n.threads, n.resident)
}

func count(t *testing.T) tally {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	n := tally{descriptors: map[string]bool{}, goroutines: runtime.NumGoroutine()}
	for _, fd := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil { // not the one that the list was read from
			n.descriptors[fd.Name()+" of "+to] = true
		}
	}
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
	minThreads     = 10  // that may come in any case
	settled        = 100 // sessions, after which memory is compared
)

// compare closes the engine, and wants no more, after so many sessions, than there was before it
// was opened; what is closed in the background gets a moment. The runtime keeps threads that are
// idle, and on a busy machine makes more of them, but not one in each session.
func (p *place) compare(t *testing.T, sessions, threads int) {
	t.Helper()
	if err := p.local.Close(); err != nil {
		t.Error(err)
	}
	testutil.Wait(t, "no more descriptors and goroutines than before: "+p.before.String(), limit, func() bool {
		now := count(t)
		maps.DeleteFunc(now.descriptors, func(what string, _ bool) bool { return p.before.descriptors[what] })
		return len(now.descriptors) == 0 && now.goroutines <= p.before.goroutines
	})
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("a child was not waited for: %d, %v", pid, err)
	}
	debug.FreeOSMemory() // not before: it would close descriptors that nobody closes
	now := count(t)
	t.Logf("in the end: %v", now)
	if now.threads > threads+max(sessions/2, minThreads) {
		t.Errorf("%d threads, before %d", now.threads, threads)
	}
}

// groups are the numbers of control groups that the kernel has, by controller, with those that are
// removed and still held (cgroups(7), /proc/cgroups).
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
