package engine_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/engine"
	"dlx/internal/cgroup"
	"dlx/internal/testutil"
)

func newSharing(t *testing.T) *engine.Local {
	t.Helper()
	e := localAt(t, testutil.RequireDocker(t).Host, engine.LocalOptions{State: t.TempDir(), Configs: []string{t.TempDir()}, KeepReady: true})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// TestSharedToolbox: sessions whose toolbox was placed once have the same files, and can neither
// change them nor learn of one another's. The defence is that each has an overlay of its own.
func TestSharedToolbox(t *testing.T) {
	e := newSharing(t)
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "listener", testutil.Prog(t, "pause"), testutil.Prog(t, "listener"))})
	const script = `cd /dev/.dlx/bin
for f in dlx-tools bash; do
	(echo x >>$f) && echo changed; chmod 0 $f && echo changed; touch $f && echo changed
	truncate -s 0 /proc/self/exe && echo changed; chown 1 $f && echo changed; rm -f $f && echo changed
done
mount -o remount,rw /dev/.dlx && echo changed; mount -o remount,rw,bind /dev/.dlx
(echo x >new) && echo changed
exit 0`
	for _, user := range []string{"0", "1000:1000"} {
		if _, out := run(t, e, engine.DebugRequest{Target: c.ID, User: user, Command: []string{"sh", "-c", script}}); strings.Contains(out, "changed\n") {
			t.Errorf("user %s: the toolbox was changed:\n%s", user, out)
		}
	}
	if !e.Shares() {
		t.Fatal("the toolbox is not shared")
	}
	listening := func() (heard func() string, stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		var seen testutil.Output
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = e.Debug(ctx, engine.DebugRequest{Target: c.ID, Command: []string{"/listener", "/dev/.dlx/bin/dlx-tools", "/dev/.dlx/bin/bash"}},
				engine.Streams{Stdout: &seen, Stderr: &seen})
		}()
		testutil.Wait(t, "the listener", time.Minute, func() bool { return strings.Contains(seen.String(), "listens\n") })
		return seen.String, func() { cancel(); <-ended }
	}
	heard, stop := listening()
	_, out := run(t, e, engine.DebugRequest{Target: c.ID, Command: []string{"bash", "-c", "dlx-tools; cat /dev/.dlx/bin/dlx-tools | wc -c; stat -c %s /dev/.dlx/bin/dlx-tools; /listener /nowhere"}})
	if lines := strings.Fields(out); len(lines) < 2 || !strings.Contains(out, "no such file") {
		t.Errorf("the other session has not used the tools: %q", out)
	}
	stop()
	if got := heard(); got != "listens\n" {
		t.Errorf("a session was told of another one's tools:\n%s", got)
	}
}

// TestToolboxOfItsOwn: who holds CAP_SYS_ADMIN does not get the toolbox that others see.
func TestToolboxOfItsOwn(t *testing.T) {
	e := newSharing(t)
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause"))})
	if _, out := run(t, e, engine.DebugRequest{Target: c.ID, Profile: "sysadmin", Command: []string{"echo", "here"}}); out != "here\n" || e.Shares() {
		t.Errorf("%q; shared: %v", out, e.Shares())
	}
	if _, out := run(t, e, engine.DebugRequest{Target: c.ID, Command: []string{"echo", "here"}}); out != "here\n" || !e.Shares() {
		t.Errorf("%q; shared: %v", out, e.Shares())
	}
}

// TestSharedToolboxCut: a session that ends while the toolbox is placed costs the others nothing,
// and one that comes after the engine's end is refused.
func TestSharedToolboxCut(t *testing.T) {
	e := newSharing(t)
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause"))})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Debug(gone, engine.DebugRequest{Target: c.ID, Command: []string{"true"}}, engine.Streams{}); err == nil {
		t.Error("a session began although its context had ended")
	}
	var out bytes.Buffer
	if code, err := e.Debug(t.Context(), engine.DebugRequest{Target: c.ID, Command: []string{"echo", "here"}}, engine.Streams{Stdout: &out}); code != 0 || err != nil || out.String() != "here\n" {
		t.Errorf("%d, %v, %q", code, err, out.String())
	}
}

// TestReadyKeeper: the next session's keeper is there before it, costs that session nothing when it
// is killed meanwhile, and ends with the engine.
func TestReadyKeeper(t *testing.T) {
	e := newSharing(t)
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause"))})
	echo := func() {
		t.Helper()
		if code, out := run(t, e, engine.DebugRequest{Target: c.ID, Command: []string{"echo", "here"}}); code != 0 || out != "here\n" {
			t.Errorf("%d, %q", code, out)
		}
	}
	echo()
	if !e.NextReady() {
		t.Fatal("no session is prepared")
	}
	waiting := keepers(t)
	if len(waiting) != 1 {
		t.Fatalf("keepers %v, want one", waiting)
	}
	echo()
	if e.NextReady(); len(keepers(t)) != 1 || keepers(t)[0] == waiting[0] {
		t.Errorf("keepers %v; the one before, which was used, is %v", keepers(t), waiting)
	}
	if _, err := e.Debug(t.Context(), engine.DebugRequest{Target: "nobody-is-there", Command: []string{"true"}}, engine.Streams{}); err == nil {
		t.Error("a session of nobody's")
	}
	if e.NextReady(); len(keepers(t)) != 1 {
		t.Errorf("keepers %v after a session that did not begin, want one", keepers(t))
	}
	for _, pid := range keepers(t) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	testutil.Wait(t, "the keeper's end", time.Minute, func() bool { return !e.NextReady() })
	echo()
	e.NextReady()
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if left := keepers(t); len(left) > 0 {
		t.Errorf("keepers %v are left", left)
	}
	if _, err := e.Debug(t.Context(), engine.DebugRequest{Target: c.ID, Command: []string{"true"}}, engine.Streams{}); err == nil {
		t.Error("an engine that was closed begins a session")
	}
	if left := keepers(t); len(left) > 0 {
		t.Errorf("keepers %v are left", left)
	}
}

// keepers are those of this process that live.
func keepers(t *testing.T) (pids []int) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ps", "--ppid", strconv.Itoa(os.Getpid()), "-o", "pid=,stat=,args=").Output()
	if err != nil {
		return nil // there is no child
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == cgroup.KeeperName && !strings.HasPrefix(f[1], "Z") {
			pid, err := strconv.Atoi(f[0])
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}
