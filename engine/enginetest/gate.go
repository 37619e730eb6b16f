//go:build linux

package enginetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/capture"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/toolbox"
)

// gate is a gate that keeps what it is asked. It refuses what it is told to.
type gate struct {
	mu       sync.Mutex
	refuses  bool
	asked    []engine.Operation
	outcomes []engine.Outcome
}

var errRefused = errors.New("not today")

func (g *gate) Begin(_ context.Context, op engine.Operation) (func(engine.Outcome), error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, op)
	if g.refuses {
		return nil, errRefused
	}
	return func(o engine.Outcome) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.outcomes = append(g.outcomes, o)
	}, nil
}

// only returns the one operation and its outcome, and forgets both.
func (g *gate) only(t *testing.T, verb engine.Verb) (op engine.Operation, out engine.Outcome) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.asked) != 1 || g.asked[0].Verb != verb {
		t.Fatalf("the gate was asked %+v, want %s once", g.asked, verb)
	}
	if want := 1; !g.refuses && len(g.outcomes) != want {
		t.Fatalf("the gate was told %d outcomes, want %d", len(g.outcomes), want)
	}
	op = g.asked[0]
	if len(g.outcomes) > 0 {
		out = g.outcomes[0]
	}
	g.asked, g.outcomes = nil, nil
	return op, out
}

// gate checks that each verb asks about the process that is held, and a refusal leaves nothing.
func (s *suite) gate(t *testing.T) {
	m := s.newBoxes(t)
	g := &gate{}
	m.at.Gate = g
	e := s.engineAt(t, m.at)
	c := s.pause(t, testutil.RunOptions{})
	box := m.save("kept", m.sign(m.box("kept", map[string]string{"share/a": "b"})))
	verbs := map[engine.Verb]func() error{
		engine.VerbDebug: func() error {
			req := engine.DebugRequest{Target: c.ID, Command: []string{"sh", "-c", "exit 3"}, Toolboxes: []engine.ToolboxRef{box}}
			shown := func(what string) {
				if g.refuses {
					t.Errorf("%s was shown of a session that was refused", what)
				}
			}
			_, err := e.Debug(t.Context(), req, engine.Streams{
				Placed: func([]toolbox.Part) { shown("what was placed") }, LeftOut: func([]string) { shown("what was left out") },
				Restrained: func(engine.Restraints) { shown("what restrains it") }, Started: func() { shown("its start") },
				Stdout: io.Discard, Stderr: io.Discard,
			})
			return err
		},
		engine.VerbCapture: func() error {
			var out bytes.Buffer
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := e.Capture(ctx, engine.CaptureRequest{Targets: []string{c.Name}, Filter: "udp port 9"}, begun{capture.ToWriter(&out), cancel})
			if err != nil && out.Len() > 0 {
				t.Errorf("%d bytes of a capture that was refused", out.Len())
			}
			return err
		},
		engine.VerbInterfaces: func() error {
			_, err := e.Interfaces(t.Context(), c.ID)
			return err
		},
		engine.VerbInject: func() error {
			_, err := e.Inject(t.Context(), engine.InjectRequest{Target: c.ID, Toolboxes: []engine.ToolboxRef{box}})
			return err
		},
	}
	g.refuses = true
	before, state := traceOf(c), tree(t, m.at.State)
	for verb, run := range verbs {
		err := run()
		if !s.is(err, fault.Refused, errRefused) {
			t.Errorf("%s: %v, want the gate's error as a fault.Refused", verb, err)
		}
		if op, _ := g.only(t, verb); op.Target.ID != c.ID || op.Process == nil || op.Process.PID != c.PID || op.Process.Namespaces["net"] == 0 {
			t.Errorf("%s: the gate was asked about %+v", verb, op)
		}
		if diff := cmp.Diff(before, traceOf(c), cmp.AllowUnexported(trace{})); diff != "" {
			t.Errorf("%s was refused, and the container has changed (-before +after):\n%s", verb, diff)
		}
	}
	if diff := cmp.Diff(state, tree(t, m.at.State)); diff != "" {
		t.Errorf("all was refused, and the state has changed (-before +after):\n%s", diff)
	}
	g.refuses = false
	for _, verb := range []engine.Verb{engine.VerbDebug, engine.VerbCapture, engine.VerbInterfaces, engine.VerbInject} {
		if err := verbs[verb](); err != nil && verb != engine.VerbCapture {
			t.Errorf("%s: %v", verb, err)
		}
		op, out := g.only(t, verb)
		switch verb {
		case engine.VerbDebug:
			if out.Status != 3 || op.Session == nil || len(op.Session.Command) != 3 || len(op.Session.Restraints.Capabilities) == 0 || names(op.Toolboxes)[0] != "kept" {
				t.Errorf("debug: %+v, %+v", op.Session, out)
			}
		case engine.VerbCapture:
			if op.Capture == nil || op.Capture.Filter != "udp port 9" || out.Stats == nil {
				t.Errorf("capture: %+v, %+v", op.Capture, out)
			}
		}
	}
	s.refusedEject(t, e, g, c)
	t.Run("capture of who comes later", func(t *testing.T) { s.laterRefused(t, e, g) })
}

// laterRefused captures by a label, and has the gate refuse a container that starts meanwhile.
func (s *suite) laterRefused(t *testing.T, e engine.Engine, g *gate) {
	label := map[string]string{"dlx.test.gate": t.Name()}
	first := s.pause(t, testutil.RunOptions{Labels: label, NetworkMode: "bridge"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	on, done := make(chan struct{}), make(chan error, 1)
	go func() {
		req := engine.CaptureRequest{Labels: []string{"dlx.test.gate=" + t.Name()}, Filter: "udp port 9"}
		_, err := e.Capture(ctx, req, begun{capture.ToWriter(io.Discard), func() { close(on) }})
		done <- err
	}()
	select {
	case <-on:
	case err := <-done:
		t.Fatal(err)
	}
	if asked := g.about(); len(asked) != 1 || asked[0] != first.ID {
		t.Errorf("the gate was asked about %v, want %s", asked, first.ID)
	}
	g.refuse(true)
	second := s.pause(t, testutil.RunOptions{Labels: label, NetworkMode: "bridge"})
	testutil.Wait(t, "the gate to be asked", limit, func() bool { return len(g.about()) == 2 })
	if asked := g.about(); asked[1] != second.ID {
		t.Errorf("the gate was asked about %v, want %s", asked, second.ID)
	}
	cancel()
	if err := <-done; !errors.Is(err, fault.Refused) {
		t.Errorf("%v, want fault.Refused", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.outcomes) != 1 {
		t.Errorf("the gate was told %d outcomes, want that of the first container", len(g.outcomes))
	}
}

// about lists the containers that the gate was asked about.
func (g *gate) about() (ids []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, op := range g.asked {
		ids = append(ids, op.Target.ID)
	}
	return ids
}

func (g *gate) refuse(all bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuses = all
}

// refusedEject is refused taking out what is there, and then takes it out.
func (s *suite) refusedEject(t *testing.T, e engine.Engine, g *gate, c *testutil.Container) {
	t.Helper()
	g.refuses = true
	for _, req := range []engine.EjectRequest{{Target: c.ID}, {All: true}} {
		if _, err := e.Eject(t.Context(), req); !errors.Is(err, fault.Refused) {
			t.Errorf("eject: %v, want fault.Refused", err)
		}
		g.only(t, engine.VerbEject)
		if code, out := c.Exec("/.dlx/bin/sh", "-c", "exit 0"); code != 0 {
			t.Errorf("the toolbox is not there any more: %s", out)
		}
	}
	g.refuses = false
	if _, err := e.Eject(t.Context(), engine.EjectRequest{Target: c.ID}); err != nil {
		t.Error(err)
	}
	g.only(t, engine.VerbEject)
}

// begun ends a capture when it is on.
type begun struct {
	capture.Sink
	on func()
}

func (b begun) Begin() error {
	b.on()
	return b.Sink.Begin()
}

func names(parts []toolbox.Part) (list []string) {
	for _, p := range parts {
		list = append(list, p.Name)
	}
	return list
}

// tree lists what is below a folder.
func tree(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		list = append(list, name)
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return list
}
