//go:build kernel

package kerneltest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/internal/cgroup"
	"dlx/internal/initproto"
	"dlx/internal/linux"
	"dlx/internal/testutil"
)

// dlx runs a command of dlx's.
func dlx(t testing.TB, args ...string) testutil.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return testutil.Collect(t, exec.CommandContext(ctx, testutil.BuildDlx(t), args...))
}

// debug runs a script in a session.
func debug(c *container, script string, flags ...string) testutil.Result {
	c.t.Helper()
	args := append([]string{"debug", c.target()}, flags...)
	return dlx(c.t, append(args, "--", "sh", "-c", script)...)
}

// begin starts a session in the background, ends it when the test ends, and returns once its cgroup
// is there.
func begin(c *container, script string, flags ...string) (cmd *exec.Cmd, group string) {
	c.t.Helper()
	args := append([]string{"debug", c.target()}, flags...)
	cmd = exec.CommandContext(c.t.Context(), testutil.BuildDlx(c.t), append(args, "--", "sh", "-c", script)...)
	check(c.t, cmd.Start())
	c.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	testutil.Wait(c.t, "the session", limit, func() bool {
		groups, _ := filepath.Glob(fmt.Sprintf("/sys/fs/cgroup/%s%d-*", cgroup.Prefix, cmd.Process.Pid))
		if len(groups) == 1 {
			group = groups[0]
		}
		return group != "" && control(group, "cgroup.procs") != ""
	})
	return cmd, group
}

// control is what a file of a cgroup has; nothing if it is gone.
func control(group, file string) string {
	data, _ := os.ReadFile(filepath.Join(group, file))
	return strings.TrimSpace(string(data))
}

// counter is a counter of a cgroup's file of events.
func counter(group, file, name string) int {
	for line := range strings.Lines(control(group, file)) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			count, _ := strconv.Atoi(n)
			return count
		}
	}
	return 0
}

// since says whether the kernel is of this release or a later one.
func since(t testing.TB, major, minor int) bool {
	t.Helper()
	release, err := linux.Release()
	check(t, err)
	var have [2]int
	_, err = fmt.Sscanf(release, "%d.%d", &have[0], &have[1])
	check(t, err)
	return have[0] > major || have[0] == major && have[1] >= minor
}

// TestSession: a session is in the container's namespaces, sees its files, and ends with its
// command's status.
func TestSession(t *testing.T) {
	c := start(t)
	before := c.mounts()
	const script = "hostname; cat /proc/1/cmdline; echo; cat /marker; ls /dev/.dlx/bin/ps; exit 7"
	for fs, want := range map[string]string{
		"toolbox": "container\nsleep\x0010000\x00\nthe container's\n/dev/.dlx/bin/ps\n",
		"target":  "container\nsleep\x0010000\x00\nthe container's\n",
		"host":    "container\nsleep\x0010000\x00\n",
	} {
		if res := debug(c, script, "--fs", fs); res.Code != 7 || res.Stdout != want {
			t.Errorf("--fs %s: %+v, want status 7 and %q", fs, res, want)
		}
		if diff := cmp.Diff(before, c.mounts()); diff != "" {
			t.Errorf("--fs %s: the container's mounts, -before +after:\n%s", fs, diff)
		}
	}
}

// TestMemory: what a session takes beyond its limit costs it its process, and the container none.
func TestMemory(t *testing.T) {
	c := start(t)
	const hog = "dd if=/dev/zero of=/dev/null bs=256M count=1; sleep 10000"
	cmd, group := begin(c, hog, "--memory", "48m", "--fs", "target")
	if got := control(group, "memory.max"); got != strconv.Itoa(48<<20) {
		t.Errorf("memory.max of the session is %s", got)
	}
	testutil.Wait(t, "the end of a command that takes too much", limit, func() bool { return counter(group, "memory.events", "oom_kill") == 1 })
	check(t, cmd.Process.Signal(os.Interrupt))
	ended(c, group, c.mounts())
	res := dlx(t, "debug", c.target(), "--memory", "64k", "--", "true")
	if want := "the session's memory limit of 65536 bytes is too small"; res.Code != 125 || !strings.Contains(res.Stderr, want) {
		t.Errorf("a limit that nothing fits in: %+v, want 125 and %s", res, want)
	}
}

// TestForkBomb: it ends at the session's limit of processes, and the session with it.
func TestForkBomb(t *testing.T) {
	const pids = 32
	c := start(t)
	cmd, group := begin(c, "bomb() { bomb | bomb & }; bomb; sleep 1000", "--pids-limit", strconv.Itoa(pids), "--fs", "target")
	if got := control(group, "pids.max"); got != strconv.Itoa(pids+initproto.Threads) {
		t.Errorf("pids.max of the session is %s", got)
	}
	testutil.Wait(t, "the limit", limit, func() bool { return counter(group, "pids.events", "max") > 0 })
	if n := len(c.processes()); n > pids+initproto.Threads+1 { // and the container's own
		t.Errorf("%d processes in the container", n)
	}
	check(t, cmd.Process.Signal(os.Interrupt))
	ended(c, group, c.mounts())
}

// TestKilled: however dlx ends, nothing of the session stays.
func TestKilled(t *testing.T) {
	c := start(t)
	before, host := c.mounts(), hostMounts(t)
	cmd, group := begin(c, "sleep 1000 & sleep 1000")
	testutil.Wait(t, "both commands", limit, func() bool { return len(c.processes()) >= 4 })
	check(t, cmd.Process.Kill())
	ended(c, group, before)
	if diff := cmp.Diff(host, hostMounts(t)); diff != "" {
		t.Errorf("the host's mounts, -before +after:\n%s", diff)
	}
}

func hostMounts(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mountinfo")
	check(t, err)
	return string(data)
}

// ended waits until nothing is left of a session but the container as it was.
func ended(c *container, group, mounts string) {
	c.t.Helper()
	testutil.Wait(c.t, "the session's cgroup to go", limit, func() bool {
		_, err := os.Stat(group)
		return os.IsNotExist(err)
	})
	testutil.Wait(c.t, "the session's processes to go", limit, func() bool { return len(c.processes()) == 1 })
	if diff := cmp.Diff(mounts, c.mounts()); diff != "" {
		c.t.Errorf("the container's mounts, -before +after:\n%s", diff)
	}
}
