//go:build linux

package enginetest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/shell"
)

// givenUp: who waits no longer leaves the container as it was.
func (s *suite) givenUp(t *testing.T, e engine.Engine, ender makeEnder) {
	why := errors.New("Ctrl-C")
	for _, when := range []engine.When{engine.OnExit, engine.OnStart} {
		t.Run(string(when), func(t *testing.T) {
			c := ender(t, testutil.RunOptions{}, "-wait", "exit=3")
			untouched(t, c)
			w := Wait(t, e, engine.DebugRequest{Target: c.Name, Hold: engine.Hold{When: when}, Command: []string{"true"}})
			if when == engine.OnExit {
				awaitTracer(t, c.PID)
			} else {
				w.Told(shell.HoldForStart)
			}
			w.cancel(why)
			<-w.done
			if !errors.Is(w.Err, why) {
				t.Errorf("%v, want %v", w.Err, why)
			}
			asBefore(t, c.PID)
		})
	}
	t.Run("timeout", func(t *testing.T) {
		c := ender(t, testutil.RunOptions{}, "-wait", "exit=3")
		w := Wait(t, e, engine.DebugRequest{Target: c.Name, Timeout: time.Second, Hold: engine.Hold{When: engine.OnExit}, Command: []string{"true"}})
		<-w.done
		if !errors.Is(w.Err, fault.TimedOut) {
			t.Errorf("%v, want fault.TimedOut", w.Err)
		}
		asBefore(t, c.PID)
	})
	t.Run("removed", func(t *testing.T) {
		c := ender(t, testutil.RunOptions{NoStart: true}, "exit=3")
		w := Wait(t, e, engine.DebugRequest{Target: c.Name, Hold: engine.Hold{When: engine.OnStart}, Command: []string{"true"}})
		w.Told(shell.HoldForStart)
		c.Remove()
		<-w.done
		if !errors.Is(w.Err, fault.NotFound) {
			t.Errorf("%v, want fault.NotFound", w.Err)
		}
	})
}

func (s *suite) holdRefused(t *testing.T, e engine.Engine, ender makeEnder) {
	t.Run("traces itself", func(t *testing.T) {
		c := ender(t, testutil.RunOptions{CapAdd: []string{"SYS_PTRACE"}, SecurityOpt: []string{"seccomp=unconfined"}}, "trace")
		awaitTracer(t, c.PID)
		w := Wait(t, e, engine.DebugRequest{Target: c.Name, Hold: engine.Hold{When: engine.OnExit}, Command: []string{"true"}})
		<-w.done
		if !errors.Is(w.Err, fault.Traced) {
			t.Errorf("%v, want fault.Traced", w.Err)
		}
	})
	t.Run("first thread left", func(t *testing.T) {
		c := ender(t, testutil.RunOptions{}, "-wait", "leave")
		t.Cleanup(func() { _ = syscall.Kill(c.PID, syscall.SIGKILL) }) // which Docker does not: it takes it for a zombie
		w := Wait(t, e, engine.DebugRequest{Target: c.Name, Hold: engine.Hold{When: engine.OnExit}, Command: []string{"true"}})
		ready(t, c)
		c.Kill("USR1")
		<-w.done
		if !errors.Is(w.Err, fault.NotTraceable) {
			t.Errorf("%v, want fault.NotTraceable", w.Err)
		}
	})
	t.Run("never again", func(t *testing.T) {
		c := ender(t, testutil.RunOptions{}, "-wait", "exit=3")
		req := engine.DebugRequest{Target: fmt.Sprintf("pid://%d", c.PID), Hold: engine.Hold{When: engine.OnStart}, Command: []string{"true"}}
		if _, err := debug(t, e, req, ""); !errors.Is(err, fault.NoRestart) {
			t.Errorf("%v, want fault.NoRestart", err)
		}
		asBefore(t, c.PID)
	})
	for _, h := range []engine.Hold{{When: "on-monday"}, {When: engine.OnExit, Limit: -1}} {
		if _, err := debug(t, e, engine.DebugRequest{Target: "x", Hold: h}, ""); !errors.Is(err, fault.BadRequest) {
			t.Errorf("%+v: %v, want fault.BadRequest", h, err)
		}
	}
}

// holdGate: a gate is asked before anything is traced.
func (s *suite) holdGate(t *testing.T, ender makeEnder) {
	g := &gate{}
	place := s.place
	place.Gate = g
	e := s.engineAt(t, place)
	c := ender(t, testutil.RunOptions{}, "-wait", "exit=3")
	req := engine.DebugRequest{Target: c.Name, Hold: engine.Hold{When: engine.OnExit}, Command: []string{"true"}}
	g.refuses = true
	if _, err := debug(t, e, req, ""); !errors.Is(err, fault.Refused) {
		t.Errorf("%v, want fault.Refused", err)
	}
	asBefore(t, c.PID)
	op, _ := g.only(t, engine.VerbHold)
	if op.Process == nil || op.Process.PID != c.PID || op.Hold == nil || *op.Hold != (engine.Hold{When: engine.OnExit, Limit: engine.DefaultHold}) {
		t.Errorf("asked about %+v, %+v", op.Process, op.Hold)
	}
	g.refuses = false
	w := Wait(t, e, req)
	ready(t, c)
	c.Kill("USR1")
	w.Ended(0)
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.asked) != 2 || g.asked[1].Verb != engine.VerbDebug || g.asked[1].Hold == nil || len(g.outcomes) != 2 {
		t.Errorf("asked %+v, told %+v", g.asked, g.outcomes)
	}
}

// awaitTracer waits until the process is traced.
func awaitTracer(t testing.TB, pid int) {
	t.Helper()
	testutil.Wait(t, "the process to be traced", limit, func() bool { return field(pid, "TracerPid") != "0" })
}

// ready waits until the container's process is traced, and would end with SIGUSR1.
func ready(t testing.TB, c *testutil.Container) {
	t.Helper()
	awaitTracer(t, c.PID)
	testutil.Wait(t, "it to be ready", limit, func() bool { return field(c.PID, "Name") == "ready" })
}

// asBefore wants that a process sleeps, untraced, and that no signal is pending.
func asBefore(t testing.TB, pid int) {
	t.Helper()
	testutil.Wait(t, "the process to be as before", limit, func() bool {
		return field(pid, "TracerPid") == "0" && strings.HasPrefix(field(pid, "State"), "S") &&
			strings.Trim(field(pid, "SigPnd")+field(pid, "ShdPnd"), "0") == ""
	})
}

// field is one of a process's /proc/PID/status.
func field(pid int, name string) string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
