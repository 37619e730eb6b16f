//go:build linux

package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/shell"
)

// Waiting is a session that waits for a container.
type Waiting struct {
	t      testing.TB
	news   chan engine.HoldNews
	done   chan struct{}
	cancel context.CancelCauseFunc

	Code int
	Err  error
	Out  bytes.Buffer // of both
}

// Wait begins a session with a hold, which ends with the test.
func Wait(t testing.TB, e engine.Engine, req engine.DebugRequest) *Waiting {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 2*limit)
	ctx, cancel := context.WithCancelCause(ctx)
	w := &Waiting{t: t, news: make(chan engine.HoldNews, 100), done: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(w.done)
		defer stop()
		streams := engine.Streams{Stdout: &w.Out, Stderr: &w.Out, Held: func(n engine.HoldNews) { w.news <- n }}
		w.Code, w.Err = e.Debug(ctx, req, streams)
	}()
	t.Cleanup(func() { cancel(nil); <-w.done })
	return w
}

// Told waits until it is told of one of some states.
func (w *Waiting) Told(states ...shell.HoldState) engine.HoldNews {
	w.t.Helper()
	n, told := w.await(limit, states)
	if !told {
		w.t.Fatalf("it is never %s", states)
	}
	return n
}

// await is Told for a time. One that has ended is told of no more.
func (w *Waiting) await(d time.Duration, states []shell.HoldState) (n engine.HoldNews, told bool) {
	w.t.Helper()
	late := time.After(d)
	for ended := w.done; ; {
		select {
		case n := <-w.news:
			if slices.Contains(states, n.State) {
				return n, true
			}
			continue
		case <-ended:
			ended = nil
		case <-late:
			return n, false
		}
		select {
		case n := <-w.news: // told before it ended
			if slices.Contains(states, n.State) {
				return n, true
			}
			ended = w.done
		default:
			w.t.Fatalf("it ended before it was %s: status %d, %v, %s", states, w.Code, w.Err, w.Out.String())
		}
	}
}

// ToldOf is Told for a start of a program that ends at once: on a busy machine that can be over
// before dlx has taken hold of it (docs/crashing.md). Then there is another one.
func (w *Waiting) ToldOf(state shell.HoldState, again func()) engine.HoldNews {
	w.t.Helper()
	for range missed {
		again()
		if n, told := w.await(missedAfter, []shell.HoldState{state}); told {
			return n
		}
	}
	w.t.Fatalf("of %d starts none is %s", missed, state)
	return engine.HoldNews{}
}

// How many starts can be missed, and after what time one counts as that.
const (
	missed      = 5
	missedAfter = 10 * time.Second
)

// Wait waits until the debug has returned.
func (w *Waiting) Wait() { <-w.done }

// Ended waits for its end, and wants a status and no error.
func (w *Waiting) Ended(code int) string {
	w.t.Helper()
	<-w.done
	if w.Code != code || w.Err != nil {
		w.t.Errorf("status %d, %v; want %d; output:\n%s", w.Code, w.Err, code, w.Out.String())
	}
	return w.Out.String()
}

// inspection looks for all that a container's first process has, by its own number.
const inspection = `set -e
test $(readlink /proc/1/ns/mnt) = $(readlink /proc/$$/ns/mnt) || test -n "$(readlink /proc/1/ns/mnt)"
readlink /proc/1/ns/net >/dev/null
grep -q /ender /proc/1/maps
test -e /proc/1/fd/0
head -c 4 /proc/1/exe | grep -q ELF
test -x /ender
at=$(grep -m1 /ender /proc/1/maps | cut -d- -f1)
dd if=/proc/1/mem bs=4096 count=1 skip=$((0x$at / 4096)) 2>/dev/null | head -c 4 | grep -q ELF
tr '\0' ' ' </proc/1/cmdline
`

// hold checks what waits for a container's end or start.
func (s *suite) hold(t *testing.T) {
	e := s.engine(t)
	image := testutil.Image(t, "ender", testutil.Prog(t, "ender"))
	ender := func(t *testing.T, opts testutil.RunOptions, args ...string) *testutil.Container {
		t.Helper()
		opts.Image, opts.Cmd = image, append([]string{"/ender"}, args...)
		return testutil.Run(t, opts)
	}
	t.Run("on exit", func(t *testing.T) { s.onExit(t, e, ender) })
	t.Run("on start", func(t *testing.T) { s.onStart(t, e, ender) })
	t.Run("restarts", func(t *testing.T) { s.holdRestarts(t, e, ender) })
	t.Run("given up", func(t *testing.T) { s.givenUp(t, e, ender) })
	t.Run("refused", func(t *testing.T) { s.holdRefused(t, e, ender) })
	t.Run("gate", func(t *testing.T) { s.holdGate(t, ender) })
}

type makeEnder func(t *testing.T, opts testutil.RunOptions, args ...string) *testutil.Container

// exited waits until the container has ended with a status.
func exited(t *testing.T, c *testutil.Container, code int) {
	t.Helper()
	testutil.Wait(t, "the container's end", limit, func() bool { return c.Inspect().State.Status == "exited" })
	if got := c.Inspect().State.ExitCode; got != code {
		t.Errorf("the container's status is %d, want %d", got, code)
	}
}

func (s *suite) onExit(t *testing.T, e engine.Engine, ender makeEnder) {
	userns := testutil.RunOptions{}
	tests := map[string]struct {
		opts   testutil.RunOptions
		args   []string
		signal string
		state  shell.HoldState
		end    string
		status int
	}{
		"exit":        {userns, []string{"-wait", "exit=3"}, "USR1", shell.HoldEnding, "exit status 3", 3},
		"success":     {userns, []string{"-wait", "exit=0"}, "USR1", shell.HoldEnding, "exit status 0", 0},
		"SIGKILL":     {userns, []string{"-wait", "exit=3"}, "KILL", shell.HoldEnding, "killed by SIGKILL", 137},
		"fault":       {userns, []string{"-wait", "segv"}, "USR1", shell.HoldFault, "SIGSEGV", 139},
		"host's PIDs": {testutil.RunOptions{PidMode: "host"}, []string{"-wait", "segv"}, "USR1", shell.HoldEnding, "killed by SIGSEGV", 139},
		"read-only":   {testutil.RunOptions{ReadOnly: true, CapDrop: []string{"ALL"}, User: "65532"}, []string{"-wait", "exit=3"}, "USR1", shell.HoldEnding, "exit status 3", 3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := ender(t, tt.opts, tt.args...)
			script := inspection
			if tt.opts.PidMode != "" {
				script = strings.ReplaceAll(inspection, "/proc/1/", fmt.Sprintf("/proc/%d/", c.PID))
			}
			w := Wait(t, e, engine.DebugRequest{Target: c.Name, Hold: engine.Hold{When: engine.OnExit}, Command: []string{"sh", "-c", script}})
			w.Told(shell.HoldForEnd)
			ready(t, c)
			c.Kill(tt.signal)
			n := w.Told(tt.state)
			if end, _, _ := strings.Cut(n.End, " (core dumped)"); end != tt.end || n.Target != c.Name || n.Limit != engine.DefaultHold {
				t.Errorf("told %+v, want %q", n, tt.end)
			}
			if out := w.Ended(0); out != "/ender "+strings.Join(tt.args, " ")+" " {
				t.Errorf("the session printed %q", out)
			}
			exited(t, c, tt.status)
		})
	}
	t.Run("another thread", func(t *testing.T) { // takes the first one's place, and ends later
		c := ender(t, testutil.RunOptions{}, "-wait", "execute=exit=4")
		w := Wait(t, e, engine.DebugRequest{Target: c.Name, Hold: engine.Hold{When: engine.OnExit}, Command: []string{"sh", "-c", inspection}})
		ready(t, c)
		c.Kill("USR1")
		testutil.Wait(t, "the other program", limit, func() bool {
			args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.PID))
			return strings.HasPrefix(string(args), "ender\x00")
		})
		ready(t, c)
		c.Kill("USR1")
		if n := w.Told(shell.HoldEnding); n.End != "exit status 4" {
			t.Errorf("told %+v", n)
		}
		w.Ended(0)
		exited(t, c, 4)
	})
	t.Run("time is up", func(t *testing.T) {
		c := ender(t, testutil.RunOptions{}, "-wait", "exit=3")
		w := Wait(t, e, engine.DebugRequest{Target: c.Name, Hold: engine.Hold{When: engine.OnExit, Limit: time.Second}, Command: []string{"sleep", "1000"}})
		ready(t, c)
		c.Kill("USR1")
		w.Told(shell.HoldLetGo)
		<-w.done
		if !errors.Is(w.Err, fault.TargetEnded) {
			t.Errorf("status %d, %v, want fault.TargetEnded", w.Code, w.Err)
		}
		exited(t, c, 3)
	})
	t.Run("forks for ever", func(t *testing.T) {
		c := ender(t, testutil.RunOptions{}, "fork")
		w := Wait(t, e, engine.DebugRequest{Target: c.Name, Hold: engine.Hold{When: engine.OnExit}, Command: []string{"true"}})
		awaitTracer(t, c.PID)
		c.Kill("KILL")
		w.Told(shell.HoldEnding)
		w.Ended(0)
		exited(t, c, 137)
	})
}

func (s *suite) onStart(t *testing.T, e engine.Engine, ender makeEnder) {
	request := func(c *testutil.Container, script string) engine.DebugRequest {
		return engine.DebugRequest{Target: c.Name, Hold: engine.Hold{When: engine.OnStart}, Command: []string{"sh", "-c", script}}
	}
	const stands = `grep -E '^(State|TracerPid)' /proc/1/status | tr '\n\t' '  '; `
	const stopped = "State: T (stopped) TracerPid: 0 "
	t.Run("created", func(t *testing.T) {
		c := ender(t, testutil.RunOptions{NoStart: true}, "-wait", "exit=3")
		w := Wait(t, e, request(c, stands+"kill -CONT 1; while grep -q '^State:.T' /proc/1/status; do :; done"))
		w.Told(shell.HoldForStart)
		c.Start()
		w.Told(shell.HoldStopped)
		if out := w.Ended(0); out != stopped {
			t.Errorf("it printed %q", out)
		}
		asBefore(t, c.PID)
	})
	t.Run("restarted", func(t *testing.T) {
		c := ender(t, testutil.RunOptions{}, "-wait", "exit=3")
		first := c.PID
		w := Wait(t, e, request(c, stands))
		w.Told(shell.HoldForStart)
		c.Exec("/ender", "exit=0") // is no start
		c.Restart()
		w.Told(shell.HoldStopped)
		if out := w.Ended(0); out != stopped || c.PID == first {
			t.Errorf("it printed %q", out)
		}
		asBefore(t, c.PID) // the session's end had it go on
	})
	t.Run("strace", func(t *testing.T) {
		c := ender(t, testutil.RunOptions{NoStart: true}, "exit=3")
		w := Wait(t, e, request(c, "strace -f -o /dev/.home/log -p 1 2>/dev/null; cat /dev/.home/log"))
		w.Told(shell.HoldForStart)
		c.Start()
		w.Told(shell.HoldStopped)
		<-w.done
		if text := w.Out.String(); !strings.Contains(text, "exit_group(3)") && !errors.Is(w.Err, fault.TargetEnded) {
			t.Errorf("%v, %s", w.Err, text)
		}
		exited(t, c, 3)
	})
	t.Run("killed", func(t *testing.T) {
		c := ender(t, testutil.RunOptions{NoStart: true}, "-wait", "exit=3")
		w := Wait(t, e, request(c, "sleep 1000"))
		w.Told(shell.HoldForStart)
		c.Start()
		w.Told(shell.HoldStopped)
		c.Kill("KILL")
		<-w.done
		if !errors.Is(w.Err, fault.TargetEnded) {
			t.Errorf("%v, want fault.TargetEnded", w.Err)
		}
		exited(t, c, 137)
	})
	t.Run("time is up", func(t *testing.T) {
		c := ender(t, testutil.RunOptions{NoStart: true}, "-wait", "exit=3")
		req := request(c, "while grep -q '^State:.T' /proc/1/status; do :; done; echo on")
		req.Hold.Limit = 2 * time.Second
		w := Wait(t, e, req)
		w.Told(shell.HoldForStart)
		c.Start()
		w.Told(shell.HoldLetGo)
		if out := w.Ended(0); out != "on\n" {
			t.Errorf("it printed %q", out)
		}
		asBefore(t, c.PID)
	})
	t.Run("host's PIDs", func(t *testing.T) {
		c := ender(t, testutil.RunOptions{NoStart: true, PidMode: "host"}, "-wait", "exit=3")
		w := Wait(t, e, request(c, "true"))
		w.Told(shell.HoldForStart)
		c.Start()
		if n := w.Told(shell.HoldStopped); n.PID != c.PID {
			t.Errorf("told %+v, want process %d", n, c.PID)
		}
		w.Ended(0)
		asBefore(t, c.PID)
	})
	t.Run("user namespace", func(t *testing.T) {
		docker := testutil.RemappedDocker(t)
		e := s.engineAt(t, Place{Docker: docker.Host, State: t.TempDir(), Config: s.place.Config})
		c := docker.Run(t, testutil.RunOptions{Image: docker.Image(t, "ender", testutil.Prog(t, "ender")), Cmd: []string{"/ender", "-wait", "segv"}, NoStart: true})
		w := Wait(t, e, request(c, stands))
		w.Told(shell.HoldForStart)
		c.Start()
		w.Told(shell.HoldStopped)
		if out := w.Ended(0); out != stopped {
			t.Errorf("it printed %q", out)
		}
		asBefore(t, c.PID)
		req := request(c, inspection)
		req.Hold.When = engine.OnExit
		w = Wait(t, e, req)
		ready(t, c)
		c.Kill("USR1")
		w.Told(shell.HoldFault)
		w.Ended(0)
		exited(t, c, 139)
	})
}

// holdRestarts: what a runtime starts again and again is caught in each of its lives.
func (s *suite) holdRestarts(t *testing.T, e engine.Engine, ender makeEnder) {
	for _, policy := range []string{"always", "on-failure"} {
		t.Run(policy, func(t *testing.T) {
			c := ender(t, testutil.RunOptions{Restart: policy}, "segv")
			for range 2 {
				w := Wait(t, e, engine.DebugRequest{Target: c.Name, Hold: engine.Hold{When: engine.OnExit}, Command: []string{"sh", "-c", inspection}})
				w.Told(shell.HoldFault)
				if out := w.Ended(0); out != "/ender segv " {
					t.Errorf("it printed %q", out)
				}
			}
			w := Wait(t, e, engine.DebugRequest{Target: c.Name, Hold: engine.Hold{When: engine.OnStart}, Command: []string{"grep", "-q", "^State:.T", "/proc/1/status"}})
			w.Told(shell.HoldStopped)
			w.Ended(0)
			before := c.Inspect().RestartCount
			testutil.Wait(t, "another start", limit, func() bool { return c.Inspect().RestartCount > before })
		})
	}
}
