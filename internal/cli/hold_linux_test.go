package cli_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"dlx/internal/testutil"
)

// statusField is one of a process's /proc/PID/status.
func statusField(pid int, name string) string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// goesOn waits until a container's process runs as if nobody had ever held it.
func goesOn(t *testing.T, pid int) {
	t.Helper()
	testutil.Wait(t, "the container to go on", limit, func() bool {
		return statusField(pid, "TracerPid") == "0" && strings.HasPrefix(statusField(pid, "State"), "S") &&
			strings.Trim(statusField(pid, "SigPnd")+statusField(pid, "ShdPnd"), "0") == ""
	})
}

// holding is dlx that waits for a container of ender's.
type holding struct {
	t   *testing.T
	c   *testutil.Container
	pid int // of dlx
	out testutil.Output
	end chan testutil.Result
}

func hold(t *testing.T, c *testutil.Container, flag string, args ...string) *holding {
	t.Helper()
	h := &holding{t: t, c: c, end: make(chan testutil.Result, 1)}
	cmd := dlx(t, append([]string{"debug", flag, c.Name, "--"}, args...)...)
	cmd.Stdout, cmd.Stderr = &h.out, &h.out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.pid = cmd.Process.Pid
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
		ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
		code := ws.ExitStatus()
		if ws.Signaled() {
			code = 128 + int(ws.Signal())
		}
		h.end <- testutil.Result{Code: code}
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	return h
}

// says waits for text of dlx's.
func (h *holding) says(text string) {
	h.t.Helper()
	testutil.Wait(h.t, "dlx to say "+text, limit, func() bool { return strings.Contains(h.out.String(), text) })
}

// traced waits until the container's process is traced.
func (h *holding) traced() {
	h.t.Helper()
	testutil.Wait(h.t, "the process to be traced", limit, func() bool {
		return statusField(h.c.PID, "TracerPid") != "0" && statusField(h.c.PID, "Name") == "ready"
	})
}

func (h *holding) signal(sig syscall.Signal) {
	h.t.Helper()
	if err := syscall.Kill(h.pid, sig); err != nil {
		h.t.Fatal(err)
	}
}

func (h *holding) ended(code int) {
	h.t.Helper()
	if res := <-h.end; res.Code != code {
		h.t.Errorf("status %d, want %d:\n%s", res.Code, code, h.out.String())
	}
}

func ender(t *testing.T, started bool, args ...string) *testutil.Container {
	t.Helper()
	testutil.RequireRoot(t)
	image := testutil.Image(t, "ender", testutil.Prog(t, "ender"))
	return testutil.Run(t, testutil.RunOptions{Image: image, Cmd: append([]string{"/ender"}, args...), NoStart: !started})
}

// TestHoldGivenUp: a signal ends the waiting at once, and the container is as it was.
func TestHoldGivenUp(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGTSTP, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			c := ender(t, true, "-wait", "exit=3")
			h := hold(t, c, "--on-exit", "true")
			h.says("waiting for " + c.Name + " to end (Ctrl-C to give up)\n")
			h.traced()
			h.signal(sig)
			h.ended(128 + int(sig))
			goesOn(t, c.PID)
			h = hold(t, c, "--on-start", "true")
			h.says("waiting for " + c.Name + " to start (Ctrl-C to give up)\n")
			h.signal(sig)
			h.ended(128 + int(sig))
			goesOn(t, c.PID)
		})
	}
}

// TestHoldKilled: when dlx is killed, the container goes on from wherever it stands.
func TestHoldKilled(t *testing.T) {
	const busy = "echo in session; sleep 1000"
	t.Run("at its end", func(t *testing.T) {
		c := ender(t, true, "-wait", "exit=3")
		h := hold(t, c, "--on-exit", "sh", "-c", busy)
		h.traced()
		c.Kill("USR1")
		h.says(c.Name + " is ending: exit status 3; it is held until the session ends, for 10m at most\n")
		h.says("in session")
		h.signal(syscall.SIGKILL)
		h.ended(137)
		endsWith(t, c, 3)
	})
	t.Run("at a fault", func(t *testing.T) {
		c := ender(t, true, "-wait", "segv")
		h := hold(t, c, "--on-exit", "sh", "-c", busy)
		h.traced()
		c.Kill("USR1")
		h.says("killed by SIGSEGV; it stands at the instruction")
		h.says("in session")
		h.signal(syscall.SIGKILL)
		h.ended(137)
		endsWith(t, c, 139)
	})
	t.Run("at its start", func(t *testing.T) {
		c := ender(t, false, "-wait", "exit=3")
		h := hold(t, c, "--on-start", "sh", "-c", busy)
		h.says("to start")
		c.Start()
		h.says(c.Name + " stands before its first instruction, until a debugger is attached to process 1, kill -CONT 1, the session's end, or for 10m\n")
		h.says("in session")
		if state := statusField(c.PID, "State"); state != "T (stopped)" {
			t.Errorf("it is %s", state)
		}
		h.signal(syscall.SIGKILL)
		h.ended(137)
		goesOn(t, c.PID)
	})
	t.Run("at its start, before the session", func(t *testing.T) {
		c := ender(t, false, "-wait", "exit=3")
		h := hold(t, c, "--on-start", "sh", "-c", busy)
		h.says("to start")
		c.Start()
		h.says("stands before")
		h.signal(syscall.SIGKILL)
		h.ended(137)
		goesOn(t, c.PID)
	})
}

// endsWith waits for the container's end, which has to have a status.
func endsWith(t *testing.T, c *testutil.Container, code int) {
	t.Helper()
	testutil.Wait(t, "the container's end", limit, func() bool { return !c.Inspect().State.Running })
	if got := c.Inspect().State.ExitCode; got != code {
		t.Errorf("the container's status is %d, want %d", got, code)
	}
}
