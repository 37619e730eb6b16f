package engine_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"dlx/engine"
	"dlx/engine/enginetest"
	"dlx/internal/testutil"
	"dlx/shell"
)

// TestHoldPID: a process that is named by its number is held at its end.
func TestHoldPID(t *testing.T) {
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "ender", testutil.Prog(t, "ender")), Cmd: []string{"/ender", "-wait", "exit=5"}})
	e := localAt(t, testutil.RequireDocker(t).Host, engine.LocalOptions{State: t.TempDir(), Configs: []string{t.TempDir()}})
	t.Cleanup(func() { _ = e.Close() })
	req := engine.DebugRequest{Target: fmt.Sprintf("pid://%d", c.PID), Hold: engine.Hold{When: engine.OnExit}, Command: []string{"cat", "/proc/1/comm"}}
	w := enginetest.Wait(t, e, req)
	testutil.Wait(t, "the process to be traced", patience, func() bool {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID))
		return strings.HasPrefix(string(status), "Name:\tready\n") && !strings.Contains(string(status), "TracerPid:\t0\n")
	})
	if err := syscall.Kill(c.PID, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if n := w.Told(shell.HoldEnding); n.End != "exit status 5" {
		t.Errorf("told %+v", n)
	}
	if out := w.Ended(0); out != "ready\n" {
		t.Errorf("it printed %q", out)
	}
}

// TestHoldLate: where the kernel does not tell of processes, a program is stopped when its runtime
// tells of it, and the news say so.
func TestHoldLate(t *testing.T) {
	defer engine.WithoutBirths()()
	c := testutil.Run(t, testutil.RunOptions{
		Image: testutil.Image(t, "ender", testutil.Prog(t, "ender")), Cmd: []string{"/ender", "-wait", "exit=5"}, NoStart: true,
	})
	e := localAt(t, testutil.RequireDocker(t).Host, engine.LocalOptions{State: t.TempDir(), Configs: []string{t.TempDir()}})
	t.Cleanup(func() { _ = e.Close() })
	w := enginetest.Wait(t, e, engine.DebugRequest{Target: c.Name, Hold: engine.Hold{When: engine.OnStart}, Command: []string{"grep", "^State", "/proc/1/status"}})
	w.Told(shell.HoldForStart)
	c.Start()
	w.Told(shell.HoldLate)
	if out := w.Ended(0); out != "State:\tT (stopped)\n" {
		t.Errorf("it printed %q", out)
	}
	testutil.Wait(t, "it to go on", patience, func() bool {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID))
		return strings.Contains(string(status), "State:\tS") && strings.Contains(string(status), "TracerPid:\t0\n")
	})
}
