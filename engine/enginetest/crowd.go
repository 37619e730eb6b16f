//go:build linux

package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/toolbox"
)

// told checks what a session's user is told and in which order.
// It checks that a terminal follows its size, too.
func (s *suite) told(t *testing.T) {
	e := s.engine(t)
	c := s.pause(t, testutil.RunOptions{})
	untouched(t, c)
	var order []string
	var mu sync.Mutex
	tell := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
	}
	out := newWatcher(t, "said", func() { tell("output") })
	streams := engine.Streams{
		Stdout: out, Stderr: io.Discard,
		Placed:     func(parts []toolbox.Part) { tell("placed " + parts[0].Name) },
		Restrained: func(engine.Restraints) { tell("restrained") },
		Started:    func() { tell("started") },
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	code, err := e.Debug(ctx, engine.DebugRequest{Target: c.ID, Command: []string{"echo", "said"}}, streams)
	out.wait()
	if want := []string{"placed default", "restrained", "started", "output"}; err != nil || code != 0 || !slices.Equal(order, want) {
		t.Errorf("status %d, %v: told %q, want %q", code, err, order, want)
	}
	for _, command := range [][]string{nil, {"sh", "-i"}, {"bash", "-i"}} { // whose input has ended before they begin
		if res, err := debug(t, e, engine.DebugRequest{Target: c.ID, TTY: true, Command: command}, ""); err != nil || res.Code != 0 {
			t.Errorf("%v on a terminal without input: %+v, %v", command, res, err)
		}
	}
	sizes := make(chan engine.WindowSize, 1)
	sizes <- engine.WindowSize{Rows: 24, Cols: 80}
	small := newWatcher(t, "24 80", func() { sizes <- engine.WindowSize{Rows: 50, Cols: 132} })
	req := engine.DebugRequest{Target: c.ID, TTY: true, Command: []string{"sh", "-c", "until stty size | grep '50 132'; do stty size; sleep 0.1; done"}}
	if code, err := e.Debug(ctx, req, engine.Streams{Stdin: strings.NewReader(""), Stdout: small, Resize: sizes}); err != nil || code != 0 {
		t.Errorf("resize: status %d, %v", code, err)
	}
	small.wait()
}

// crowd runs many sessions at once. One is cancelled. Of some,
// the other end is slow, says less, or says too much.
func (s *suite) crowd(t *testing.T) {
	e := s.engine(t)
	c := s.pause(t, testutil.RunOptions{})
	untouched(t, c)
	t.Run("twenty at once", func(t *testing.T) { twenty(t, e, c) })
	t.Run("a reader that is slow", func(t *testing.T) {
		const lines = 1 << 19
		slow := &slowWriter{}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		code, err := e.Debug(ctx, engine.DebugRequest{Target: c.ID, Command: []string{"sh", "-c", fmt.Sprintf("yes | head -n %d", lines)}},
			engine.Streams{Stdout: slow, Stderr: io.Discard})
		if err != nil || code != 0 || slow.size != 2*lines {
			t.Errorf("status %d, %v, %d bytes of %d", code, err, slow.size, 2*lines)
		}
	})
	t.Run("a reader that stops", func(t *testing.T) {
		r, w := io.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { // reads a little, and then never again
			_, _ = io.ReadFull(r, make([]byte, 4<<10))
			cancel()
		}()
		_, err := e.Debug(ctx, engine.DebugRequest{Target: c.ID, Command: []string{"yes"}}, engine.Streams{Stdout: w, Stderr: io.Discard})
		_ = r.Close() // lets go what is still being written
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
	})
	t.Run("input that ends before the output", func(t *testing.T) {
		if res, err := debug(t, e, engine.DebugRequest{Target: c.ID, Command: []string{"sh", "-c", "cat; sleep 0.2; echo after"}}, "input\n"); err != nil || res.Out != "input\nafter\n" {
			t.Errorf("%+v, %v", res, err)
		}
	})
	t.Run("a context that ended before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		started := func() { t.Error("it was started") }
		_, err := e.Debug(ctx, engine.DebugRequest{Target: c.ID, Command: []string{"true"}}, engine.Streams{Stdout: io.Discard, Stderr: io.Discard, Started: started})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
	})
	t.Run("an argument of 1 MiB", func(t *testing.T) { // execve(2): MAX_ARG_STRLEN is 128 KiB
		if res, err := debug(t, e, engine.DebugRequest{Target: c.ID, Command: []string{"true", strings.Repeat("x", 1<<20)}}, ""); !errors.Is(err, fault.CommandNotRun) {
			t.Errorf("%+v, %v, want fault.CommandNotRun", res, err)
		}
	})
	t.Run("closed under load", func(t *testing.T) { s.closedUnderLoad(t, c) })
}

func twenty(t *testing.T, e engine.Engine, c *testutil.Container) {
	var wg sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for i := range 20 {
		wg.Go(func() {
			if i == 0 {
				one, stop := context.WithCancel(ctx)
				out := newWatcher(t, "ready", stop)
				_, err := e.Debug(one, engine.DebugRequest{Target: c.ID, Command: []string{"sh", "-c", "echo ready; sleep 1000"}}, engine.Streams{Stdout: out, Stderr: io.Discard})
				out.wait()
				if !errors.Is(err, context.Canceled) {
					t.Errorf("the one that is cancelled: %v", err)
				}
				return
			}
			var out bytes.Buffer
			req := engine.DebugRequest{Target: c.ID, Command: []string{"sh", "-c", fmt.Sprintf("cat; exit %d", i)}}
			code, err := e.Debug(ctx, req, engine.Streams{Stdin: strings.NewReader(fmt.Sprint(i)), Stdout: &out, Stderr: io.Discard})
			if err != nil || code != i || out.String() != fmt.Sprint(i) {
				t.Errorf("session %d: status %d, %v, output %q", i, code, err, out.String())
			}
		})
	}
	wg.Wait()
}

// closedUnderLoad closes an engine while sessions run on it: they end by themselves, as do those
// that come too late, with or without an error.
func (s *suite) closedUnderLoad(t *testing.T, c *testutil.Container) {
	e := s.open(t, s.place)
	var wg sync.WaitGroup
	running := make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	release, hold := io.Pipe()
	wg.Go(func() {
		code, err := e.Debug(ctx, engine.DebugRequest{Target: c.ID, Command: []string{"sh", "-c", "read line; exit 7"}},
			engine.Streams{Stdin: release, Stdout: io.Discard, Stderr: io.Discard, Started: func() { close(running) }})
		if err != nil || code != 7 {
			t.Errorf("a session that runs: status %d, %v", code, err)
		}
	})
	<-running
	for range 4 {
		wg.Go(func() {
			_, _ = e.Debug(ctx, engine.DebugRequest{Target: c.ID, Command: []string{"true"}}, engine.Streams{Stdout: io.Discard, Stderr: io.Discard})
		})
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if _, err := hold.Write([]byte("go\n")); err != nil {
		t.Error(err)
	}
	_ = hold.Close()
	wg.Wait()
}

// slowWriter takes a little at a time.
type slowWriter struct{ size int }

func (w *slowWriter) Write(p []byte) (int, error) {
	w.size += len(p)
	for range len(p) / 256 { // some work in place of a pause
		_ = bytes.Repeat(p, 2)
	}
	return len(p), nil
}
