//go:build linux

// Package enginetest is the suite that every engine.Engine passes on real containers: the one in
// this process, and any that speaks over a wire.
package enginetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
)

// limit is how long one operation may take on a busy machine.
const limit = 60 * time.Second

// Place is where an engine under test works.
type Place struct {
	Docker string // where Docker is, as in DOCKER_HOST
	State  string // folder of what outlives dlx
	Config string // folder of trusted keys
	Gate   engine.Gate
}

// Open returns an engine of a place, whose requests may name files of this machine. The suite
// closes it.
type Open func(t *testing.T, p Place) engine.Engine

// Run runs the suite on engines of this process.
func Run(t *testing.T, open Open) { run(t, open, false) }

// RunOverWire runs it on engines whose errors come over a wire: their kinds do, their causes do
// not. Parts can be left out by their names.
func RunOverWire(t *testing.T, open Open, without ...string) { run(t, open, true, without...) }

func run(t *testing.T, open Open, wired bool, without ...string) {
	testutil.RequireRoot(t)
	docker := testutil.RequireDocker(t)
	s := &suite{open: open, wired: wired, docker: docker, place: Place{Docker: docker.Host, State: t.TempDir(), Config: t.TempDir()}}
	for _, part := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"debug", s.debug},
		{"streams", s.streams},
		{"targets", s.targets},
		{"errors", s.errors},
		{"ends", s.ends},
		{"told", s.told},
		{"crowd", s.crowd},
		{"limits", s.limits},
		{"files", s.files},
		{"inject", s.inject},
		{"inject toolboxes", s.injectToolboxes},
		{"toolboxes", s.toolboxes},
		{"health", s.health},
		{"list", s.list},
		{"gate", s.gate},
		{"capture", s.capture},
	} {
		if !slices.Contains(without, part.name) {
			t.Run(part.name, part.run)
		}
	}
}

// RunHolds runs the part of the suite that waits for containers' ends and starts.
func RunHolds(t *testing.T, open Open) {
	testutil.RequireRoot(t)
	docker := testutil.RequireDocker(t)
	s := &suite{open: open, docker: docker, place: Place{Docker: docker.Host, State: t.TempDir(), Config: t.TempDir()}}
	s.hold(t)
}

type suite struct {
	open   Open
	wired  bool
	docker *testutil.Docker
	place  Place
}

// is says whether an error is of a kind, and has a cause if that is to be seen.
func (s *suite) is(err error, kind fault.Kind, cause error) bool {
	return errors.Is(err, kind) && (s.wired || errors.Is(err, cause))
}

// engine opens the engine under test for the length of a test.
func (s *suite) engine(t *testing.T) engine.Engine {
	t.Helper()
	return s.engineAt(t, s.place)
}

func (s *suite) engineAt(t *testing.T, p Place) engine.Engine {
	t.Helper()
	e := s.open(t, p)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// pause runs a container whose one program does nothing and reaps nothing. Unless opts say another
// one, its network is of no interest.
func (s *suite) pause(t *testing.T, opts testutil.RunOptions) *testutil.Container {
	t.Helper()
	opts.Image = testutil.Image(t, "pause", testutil.Prog(t, "pause"))
	if opts.NetworkMode == "" {
		opts.NetworkMode = testutil.SharedNetwork(t)
	}
	return testutil.Run(t, opts)
}

// result is what a command did.
type result struct {
	Code        int
	Out, ErrOut string
}

// debug runs a request to its end.
func debug(t *testing.T, e engine.Engine, req engine.DebugRequest, stdin string) (result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var out, errOut bytes.Buffer
	code, err := e.Debug(ctx, req, engine.Streams{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errOut})
	return result{code, out.String(), errOut.String()}, err
}

// sh runs a script in a target with the toolbox and fails the test unless it exits with 0.
func sh(t *testing.T, e engine.Engine, req engine.DebugRequest, script string) string {
	t.Helper()
	req.Command = []string{"sh", "-c", script}
	res, err := debug(t, e, req, "")
	if err != nil || res.Code != 0 {
		t.Fatalf("debug %s -- sh -c %q: %v, exit status %d, output:\n%s%s", req.Target, script, err, res.Code, res.Out, res.ErrOut)
	}
	return res.Out
}

// trace is what a session may not change.
type trace struct {
	diff, mounts string
	processes    int
}

func traceOf(c *testutil.Container) trace {
	return trace{strings.Join(c.Diff(), "\n"), c.MountInfo(), len(c.Processes())}
}

// untouched checks when the test ends that the container is as it was.
func untouched(t *testing.T, c *testutil.Container) {
	t.Helper()
	before := traceOf(c)
	t.Cleanup(func() {
		if after := traceOf(c); after != before {
			t.Errorf("the container has changed\nbefore: %+v\nafter:  %+v", before, after)
		}
	})
}
