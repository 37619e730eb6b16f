package linux_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/bpf"

	"dlx/internal/linux"
	"dlx/internal/testutil"
)

const (
	copyLimit = 20 * time.Second // for what has to come, on a busy machine
	shortTime = 300 * time.Millisecond
)

// allow is a filter that allows everything and has a mark by which one is told from another: `ld
// #mark; ret ALLOW`.
func allow(mark uint32) linux.SeccompProgram {
	program, err := bpf.Assemble([]bpf.Instruction{bpf.LoadConstant{Val: mark}, bpf.RetConstant{Val: linux.SeccompAllow}})
	if err != nil {
		panic(err)
	}
	return program
}

// program is a test program of the host's, in a file of its own.
func program(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, testutil.Prog(t, name).Data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// filterFiles writes the filters to files.
func filterFiles(t *testing.T, filters ...linux.SeccompProgram) []string {
	t.Helper()
	var files []string
	for i, f := range filters {
		path := filepath.Join(t.TempDir(), fmt.Sprint(i))
		raw := unsafe.Slice((*byte)(unsafe.Pointer(&f[0])), 8*len(f))
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	return files
}

// filtered starts a command under filters and returns when it runs.
func filtered(t *testing.T, filters []linux.SeccompProgram, command ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program(t, "filtered"), append(append(filterFiles(t, filters...), "--"), command...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	testutil.Wait(t, "the filtered program", copyLimit, func() bool {
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", cmd.Process.Pid))
		return exe != "" && filepath.Base(exe) != "filtered"
	})
	return cmd
}

func pidfd(t *testing.T, pid int) *linux.FD {
	t.Helper()
	fd, err := linux.PidfdOpen(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fd.Close() })
	return fd
}

func copyFilters(t *testing.T, pid int) ([]linux.SeccompProgram, error) {
	t.Helper()
	return copyWithin(t, copyLimit, pid)
}

func copyWithin(t *testing.T, limit time.Duration, pid int) ([]linux.SeccompProgram, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return linux.SeccompFilters(ctx, pidfd(t, pid), pid)
}

// status is a field of the process's /proc/PID/status.
func status(t *testing.T, pid int, field string) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no %s in the status of %d", field, pid)
	return ""
}

func waitUntraced(t *testing.T, pid int) {
	t.Helper()
	testutil.Wait(t, "the end of tracing", copyLimit, func() bool { return status(t, pid, "TracerPid") == "0" })
}

// TestSeccompFiltersInOrder: the copies are byte for byte what was installed, the oldest first.
func TestSeccompFiltersInOrder(t *testing.T) {
	testutil.RequireRoot(t)
	want := []linux.SeccompProgram{allow(1), allow(2), append(slices.Repeat(allow(3)[:1], 4095), allow(3)[1])}
	cmd := filtered(t, want, testutil.RequireTool(t, "sleep"), "1000")
	got, err := copyFilters(t, cmd.Process.Pid)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	waitUntraced(t, cmd.Process.Pid)
}

func TestSeccompFiltersOfNone(t *testing.T) {
	testutil.RequireRoot(t)
	cmd := filtered(t, nil, testutil.RequireTool(t, "sleep"), "1000")
	if got, err := copyFilters(t, cmd.Process.Pid); len(got) > 0 || err != nil {
		t.Errorf("%d filters, %v", len(got), err)
	}
}

// TestSeccompFiltersOfAnother: a number that has got to another process is noticed, and that
// process left alone.
func TestSeccompFiltersOfAnother(t *testing.T) {
	testutil.RequireRoot(t)
	sleep := testutil.RequireTool(t, "sleep")
	for name, filters := range map[string][]linux.SeccompProgram{"with filters": {allow(1)}, "without": nil} {
		t.Run(name, func(t *testing.T) {
			gone := exec.Command(sleep, "0")
			if err := gone.Start(); err != nil {
				t.Fatal(err)
			}
			held := pidfd(t, gone.Process.Pid)
			if err := gone.Wait(); err != nil {
				t.Fatal(err)
			}
			other := filtered(t, filters, sleep, "1000")
			if got, err := linux.SeccompFilters(t.Context(), held, other.Process.Pid); !errors.Is(err, linux.ErrNoProcess) {
				t.Errorf("%d filters, %v", len(got), err)
			}
			// The number changes hands just before, and the other process stops at once.
			got, err := linux.CopySeized(t.Context(), held, other.Process.Pid, func() { stopFor(t, other.Process.Pid, syscall.SIGWINCH) })
			if !errors.Is(err, linux.ErrNoProcess) {
				t.Errorf("once seized: %d filters, %v", len(got), err)
			}
			waitUntraced(t, other.Process.Pid)
			testutil.Wait(t, "the other process to sleep", copyLimit, func() bool {
				return strings.HasPrefix(status(t, other.Process.Pid, "State"), "S")
			})
		})
	}
}

// TestSeccompFiltersOfEnded: a process that nobody has reaped yet is as good as gone, and its
// parent can reap it.
func TestSeccompFiltersOfEnded(t *testing.T) {
	testutil.RequireRoot(t)
	cmd := filtered(t, []linux.SeccompProgram{allow(1)}, testutil.RequireTool(t, "sleep"), "1000")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	testutil.Wait(t, "its end", copyLimit, func() bool { return strings.HasPrefix(status(t, cmd.Process.Pid, "State"), "Z") })
	if got, err := copyFilters(t, cmd.Process.Pid); len(got) > 0 || err != nil && !errors.Is(err, linux.ErrNoProcess) {
		t.Errorf("%d filters, %v", len(got), err)
	}
}

// TestSeccompFiltersOfEnding: one that ends while it is seized is left to its parent to reap.
func TestSeccompFiltersOfEnding(t *testing.T) {
	testutil.RequireRoot(t)
	cmd := filtered(t, []linux.SeccompProgram{allow(1)}, testutil.RequireTool(t, "sleep"), "1000")
	pid := cmd.Process.Pid
	_, err := linux.CopySeized(t.Context(), pidfd(t, pid), pid, func() {
		kill(t, pid, syscall.SIGKILL)
		testutil.Wait(t, "its end", copyLimit, func() bool { return strings.HasPrefix(status(t, pid, "State"), "Z") })
	})
	if !errors.Is(err, linux.ErrNoProcess) {
		t.Errorf("the error is %v", err)
	}
	if exit := (*exec.ExitError)(nil); !errors.As(cmd.Wait(), &exit) {
		t.Errorf("its parent's wait: %v", cmd.ProcessState)
	}
}

func TestSeccompFiltersOfTraced(t *testing.T) {
	testutil.RequireRoot(t)
	cmd := filtered(t, []linux.SeccompProgram{allow(1)}, testutil.RequireTool(t, "sleep"), "1000")
	pid := cmd.Process.Pid
	strace := exec.Command(testutil.RequireTool(t, "strace"), "-o", "/dev/null", "-p", fmt.Sprint(pid))
	if err := strace.Start(); err != nil {
		t.Fatal(err)
	}
	testutil.Wait(t, "strace", copyLimit, func() bool { return status(t, pid, "TracerPid") == fmt.Sprint(strace.Process.Pid) })
	_, err := copyFilters(t, pid)
	if !errors.Is(err, linux.ErrTraced) {
		t.Errorf("the error is %v", err)
	}
	_ = strace.Process.Kill()
	_ = strace.Wait()
	waitUntraced(t, pid)
	if got, err := copyFilters(t, pid); len(got) != 1 || err != nil {
		t.Errorf("%d filters, %v", len(got), err)
	}
}

// TestSeccompFiltersByFiltered: a process that is filtered itself can not copy
// filters. Its error lets the caller fall back (kernel/seccomp.c, seccomp_get_filter).
// The test runs itself under a filter.
func TestSeccompFiltersByFiltered(t *testing.T) {
	testutil.RequireRoot(t)
	const variable = "DLX_TEST_COPY_OF"
	if text := os.Getenv(variable); text != "" {
		var pid int
		if _, err := fmt.Sscan(text, &pid); err != nil {
			t.Fatal(err)
		}
		if _, err := copyFilters(t, pid); !errors.Is(err, linux.ErrNoFilterCopy) {
			t.Fatalf("the error is %v", err)
		}
		waitUntraced(t, pid)
		return
	}
	target := filtered(t, []linux.SeccompProgram{allow(1)}, testutil.RequireTool(t, "sleep"), "1000")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(filterFiles(t, allow(2)), "--", self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd := exec.Command(program(t, "filtered"), args...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", variable, target.Process.Pid))
	if r := testutil.Collect(t, cmd); r.Code != 0 || !strings.Contains(r.Stdout, "--- PASS") {
		t.Errorf("status %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// TestSeccompFiltersOfContainer: the container's first process has its runtime's filter, and goes
// on, also when it is copied again and again while it runs, sleeps and gets signals.
func TestSeccompFiltersOfContainer(t *testing.T) {
	testutil.RequireRoot(t)
	image := testutil.Image(t, "loop", testutil.Busybox(t))
	c := testutil.Run(t, testutil.RunOptions{Image: image, Cmd: []string{"/bin/busybox", "sh", "-c",
		`trap 'echo signal' USR1; echo ready; while :; do busybox usleep 500; n=$((n+1)); [ $((n%10)) = 0 ] && echo $n; done`}})
	count := func(word string) int { return strings.Count(c.Logs(), word+"\n") }
	testutil.Wait(t, "the loop", copyLimit, func() bool { return count("ready") == 1 })
	first, err := copyFilters(t, c.PID)
	if len(first) != 1 || err != nil {
		t.Fatalf("%d filters, %v", len(first), err)
	}
	for signals := range 5 {
		c.Kill("USR1")
		for range 20 {
			if again, err := copyFilters(t, c.PID); err != nil || !cmp.Equal(first, again) {
				t.Fatalf("another copy: %v\n%s", err, cmp.Diff(first, again))
			}
		}
		testutil.Wait(t, "the signal", copyLimit, func() bool { return count("signal") == signals+1 })
	}
	before := len(c.Logs())
	testutil.Wait(t, "the loop to go on", copyLimit, func() bool { return len(c.Logs()) > before })
	waitUntraced(t, c.PID)
}

// TestSeccompFiltersInSignal: a signal that the process was about to get when it was stopped is not
// lost.
func TestSeccompFiltersInSignal(t *testing.T) {
	testutil.RequireRoot(t)
	cmd := filtered(t, []linux.SeccompProgram{allow(1)}, testutil.RequireTool(t, "sleep"), "1000")
	pid := cmd.Process.Pid
	got, err := linux.CopySeized(t.Context(), pidfd(t, pid), pid, func() { stopFor(t, pid, syscall.SIGTERM) })
	if len(got) != 1 || err != nil {
		t.Errorf("%d filters, %v", len(got), err)
	}
	testutil.Wait(t, "its end by the signal", copyLimit, func() bool { return strings.HasPrefix(status(t, pid, "State"), "Z") })
}

// TestSeccompFiltersOfThreads: threads that are blocked in read(2) stay so, and the process still
// ends as it should.
func TestSeccompFiltersOfThreads(t *testing.T) {
	testutil.RequireRoot(t)
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "threads", testutil.Prog(t, "threads"))})
	testutil.Wait(t, "the threads", copyLimit, func() bool { return strings.Contains(c.Logs(), "ready") })
	for range 100 {
		if got, err := copyFilters(t, c.PID); len(got) != 1 || err != nil {
			t.Fatalf("%d filters, %v", len(got), err)
		}
	}
	waitUntraced(t, c.PID)
	c.Kill("TERM")
	testutil.Wait(t, "its end", copyLimit, func() bool { return !c.Inspect().State.Running })
	if code := c.Inspect().State.ExitCode; code != 0 {
		t.Errorf("it ended with status %d", code)
	}
}

// TestSeccompFiltersOfPaused: a frozen process does not stop; the copy ends with its context, and
// the process goes on once it is thawed. One that a signal had stopped as well blocks PTRACE_SEIZE
// itself.
func TestSeccompFiltersOfPaused(t *testing.T) {
	testutil.RequireRoot(t)
	image := testutil.Image(t, "pause", testutil.Prog(t, "pause"), testutil.Busybox(t))
	for name, stopped := range map[string]bool{"sleeping": false, "stopped": true} {
		t.Run(name, func(t *testing.T) {
			c := testutil.Run(t, testutil.RunOptions{Image: image, Cmd: []string{"/bin/busybox", "sh", "-c", "busybox sleep 1000; :"}})
			var pid int // not the first one, which signals from inside its namespace do not stop
			testutil.Wait(t, "the container's sleep", copyLimit, func() bool {
				for _, p := range c.Processes() {
					if slices.Contains(p.Args, "sleep") {
						pid = p.PID
					}
				}
				return pid != 0
			})
			if stopped {
				kill(t, pid, syscall.SIGSTOP)
				testutil.Wait(t, "the stop", copyLimit, func() bool { return strings.HasPrefix(status(t, pid, "State"), "T") })
				if got, err := copyFilters(t, pid); len(got) != 1 || err != nil {
					t.Fatalf("stopped by a signal: %d filters, %v", len(got), err)
				}
				testutil.Wait(t, "it to be stopped again", copyLimit, func() bool {
					return strings.HasPrefix(status(t, pid, "State"), "T (stopped")
				})
			}
			c.Pause()
			start := time.Now()
			_, err := copyWithin(t, shortTime, pid)
			took := time.Since(start)
			if !stopped {
				waitUntraced(t, pid) // frozen as it is
			}
			c.Unpause()
			if !errors.Is(err, context.DeadlineExceeded) || took > copyLimit {
				t.Errorf("after %v: %v", took, err)
			}
			waitUntraced(t, pid)
			kill(t, pid, syscall.SIGCONT)
			testutil.Wait(t, "it to go on", copyLimit, func() bool { return strings.HasPrefix(status(t, pid, "State"), "S") })
			if got, err := copyFilters(t, pid); len(got) != 1 || err != nil {
				t.Errorf("%d filters, %v", len(got), err)
			}
		})
	}
}

// stopFor sends a signal to a seized process, which stops before it gets it.
func stopFor(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	kill(t, pid, sig)
	testutil.Wait(t, "the stop for the signal", copyLimit, func() bool { return strings.HasPrefix(status(t, pid, "State"), "t") })
}

func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkSeccompFilters is the time that a session pays for a copy of its container's filter.
func BenchmarkSeccompFilters(b *testing.B) {
	testutil.RequireRoot(b)
	c := testutil.Run(b, testutil.RunOptions{Image: testutil.Image(b, "pause", testutil.Prog(b, "pause"))})
	fd, err := linux.PidfdOpen(c.PID)
	if err != nil {
		b.Fatal(err)
	}
	defer fd.Close()
	for b.Loop() {
		if got, err := linux.SeccompFilters(b.Context(), fd, c.PID); len(got) != 1 || err != nil {
			b.Fatalf("%d filters, %v", len(got), err)
		}
	}
}
