package soak_test

import (
	"bytes"
	"os/exec"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/engine"
	"dlx/internal/testutil"
	"dlx/target"
	"dlx/target/docker"
)

// limit bounds a wait on a busy machine.
const limit = time.Minute

// place is a container, and what there was before the sessions.
type place struct {
	box    *testutil.Container
	local  *engine.Local
	host   testutil.Host
	diff   []string
	inside []testutil.Process
	before tally // without an engine
}

func newPlace(t *testing.T) *place {
	t.Helper()
	testutil.RequireRoot(t)
	host := testutil.RequireDocker(t).Host
	p := &place{box: testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause"))})}
	p.before = count(t)
	runtime := docker.New(docker.Options{Host: host})
	p.local = engine.NewLocal(engine.LocalOptions{Runtimes: []target.Runtime{runtime}})
	p.inProcess(t) // sweeps what others have left
	p.diff, p.inside = p.box.Diff(), p.box.Processes()
	p.host = testutil.TakeHost(t)
	return p
}

// inProcess runs a session in this process. Its command leaves another one behind, which the
// session ends.
func (p *place) inProcess(t *testing.T) {
	t.Helper()
	var out bytes.Buffer
	req := engine.DebugRequest{Target: p.box.ID, Command: []string{"sh", "-c", "sleep 1000 & echo hello"}}
	code, err := p.local.Debug(t.Context(), req, engine.Streams{Stdout: &out, Stderr: &out})
	if err != nil || code != 0 || out.String() != "hello\n" {
		t.Errorf("status %d, %q, %v", code, out.String(), err)
	}
}

// command runs a session by the command.
func (p *place) command(t *testing.T) {
	t.Helper()
	cmd := exec.Command(testutil.BuildDlx(t), "debug", p.box.ID, "--", "sh", "-c", "sleep 1000 & echo hello")
	if res := testutil.Collect(t, cmd); res.Code != 0 || res.Stdout != "hello\n" {
		t.Errorf("%+v", res)
	}
}

// check wants nothing left on the host and in the container.
func (p *place) check(t *testing.T) {
	t.Helper()
	for _, what := range p.host.Left(limit) {
		t.Error("left: " + what)
	}
	if diff := cmp.Diff(p.inside, p.box.Processes()); diff != "" {
		t.Errorf("processes of the container (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(p.diff, p.box.Diff()); diff != "" {
		t.Errorf("docker diff (-want +got):\n%s", diff)
	}
}

// TestAfterOneAnother runs sessions in one process, whose memory stays as it is.
func TestAfterOneAnother(t *testing.T) {
	p := newPlace(t)
	kernel := groups(t)
	var early tally
	for i := range *sessions {
		p.inProcess(t)
		if i+1 == *sessions/5 {
			debug.FreeOSMemory()
			early = count(t)
			t.Logf("after %d sessions: %v", i+1, early)
		}
	}
	p.compare(t, *sessions, p.before.threads)
	now := count(t)
	if most := early.resident + early.resident*residentGrowth/100; *sessions/5 >= settled && now.resident > most {
		t.Errorf("%d KiB are resident, %d after %d sessions", now.resident, early.resident, *sessions/5)
	}
	p.check(t)
	t.Logf("control groups of the kernel's: %s; before: %s", groups(t), kernel)
}

// TestClosed: a session closes what it has opened by itself. The collector, which would do so some
// time, is off.
func TestClosed(t *testing.T) {
	p := newPlace(t)
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for range 3 {
		p.inProcess(t)
	}
	p.compare(t, 3, p.before.threads)
	p.check(t)
}

// TestCommandsAfterOneAnother runs them by the command.
func TestCommandsAfterOneAnother(t *testing.T) {
	p := newPlace(t)
	kernel := groups(t)
	for range *sessions {
		p.command(t)
	}
	p.compare(t, *sessions, p.before.threads)
	p.check(t)
	t.Logf("control groups of the kernel's: %s; before: %s", groups(t), kernel)
}

// TestAtOnce runs sessions at once, in one process and by the command, twice: what the first round
// keeps for the next one, the second does not add to.
func TestAtOnce(t *testing.T) {
	for name, session := range map[string]func(*place, *testing.T){"in process": (*place).inProcess, "commands": (*place).command} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			round := func() {
				var wg sync.WaitGroup
				for range *atOnce {
					wg.Go(func() { session(p, t) })
				}
				wg.Wait()
			}
			round()
			first := count(t)
			t.Logf("after %d at once: %v", *atOnce, first)
			round()
			p.compare(t, *atOnce, first.threads)
			p.check(t)
		})
	}
}
