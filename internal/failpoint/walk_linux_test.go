//go:build failpoints

package failpoint_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/internal/failpoint"
	"dlx/internal/testutil"
)

var long = flag.Bool("long", false, "kill at every pass of every point, and all who take part in each step of a plan")

// leftLimit is how long what a killed dlx leaves behind may take to go, on a busy machine.
const leftLimit = time.Minute

// sessionCommand leaves a process behind, which the session has to end.
var sessionCommand = []string{"/bin/busybox", "sh", "-c", "/bin/busybox sleep 1000 & true"}

// walk is a container, and a dlx with points to kill at.
type walk struct {
	t      *testing.T
	dlx    string
	box    *testutil.Container
	dir    string // state, and files
	host   testutil.Host
	diff   []string
	inside int // processes
	killed int // the last dlx that was
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	testutil.RequireRoot(t)
	dlx, err := build()
	if err != nil {
		t.Fatal(err)
	}
	w := &walk{t: t, dlx: dlx, dir: t.TempDir()}
	image := testutil.Image(t, "box", testutil.Busybox(t))
	// The container talks to itself, so that there are packets, and its first process reaps what
	// becomes its child.
	const talk = "/bin/busybox ping -q -i 0.1 127.0.0.1 & wait"
	w.box = testutil.Run(t, testutil.RunOptions{Image: image, Cmd: []string{"/bin/busybox", "sh", "-c", talk}})
	testutil.Wait(t, "the container to talk", leftLimit, func() bool { return len(w.box.Processes()) == 2 })
	w.run("debug", w.box.Name, "--", "true") // sweeps what others have left
	w.diff, w.inside = w.box.Diff(), len(w.box.Processes())
	w.host = testutil.TakeHost(t)
	return w
}

// at runs dlx, which is to be killed at points, and returns those that it has passed.
func (w *walk) at(points string, args ...string) (passed []string, res testutil.Result) {
	w.t.Helper()
	log := filepath.Join(w.dir, "log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(w.dlx, args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "DLX_STATE_DIR="+filepath.Join(w.dir, "state"), failpoint.PointVariable+"="+points, failpoint.LogVariable+"="+log)
	timer := time.AfterFunc(leftLimit, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	res = testutil.Collect(w.t, cmd)
	if killed(res) {
		w.killed = cmd.Process.Pid
	}
	return w.log(), res
}

// log are the points that were passed so far, by all processes.
func (w *walk) log() []string {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.dir, "log"))
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// run runs dlx to its end, which has to be good.
func (w *walk) run(args ...string) (passed []string) {
	w.t.Helper()
	passed, res := w.at("", args...)
	if res.Code != 0 {
		w.t.Errorf("dlx %v: status %d: %s", args, res.Code, res.Stderr)
	}
	return passed
}

// check wants that nothing is left, and that the container is as it was.
func (w *walk) check(point string) {
	w.t.Helper()
	for _, what := range w.host.Left(leftLimit) {
		w.t.Errorf("killed at %s: left: %s", point, what)
	}
	testutil.Wait(w.t, "the session's processes to go, killed at "+point, leftLimit, func() bool { return len(w.box.Processes()) == w.inside })
	if diff := cmp.Diff(w.diff, w.box.Diff()); diff != "" {
		w.t.Errorf("killed at %s: docker diff (-want +got):\n%s", point, diff)
	}
}

// swept wants that the next session, before it begins, removes the control groups of the dlx that
// was killed.
func (w *walk) swept(point string, session []string) {
	w.t.Helper()
	w.run(session...)
	groups, err := filepath.Glob(fmt.Sprintf("/sys/fs/cgroup/*/dlx-%d-*", w.killed))
	unified, uerr := filepath.Glob(fmt.Sprintf("/sys/fs/cgroup/dlx-%d-*", w.killed))
	if err != nil || uerr != nil {
		w.t.Fatal(err, uerr)
	}
	if groups = append(groups, unified...); len(groups) > 0 {
		w.t.Errorf("killed at %s: left after the next session: %q", point, groups)
	}
}

// killed says whether it was dlx itself that was killed.
func killed(res testutil.Result) bool { return res.Code == 128+9 }

// selected are the points to be walked through, of those that were passed: each once, or at each
// pass.
func selected(passed []string) (points []string) {
	count := map[string]int{}
	for _, name := range passed {
		count[name]++
		if count[name] > 1 && !*long {
			continue
		}
		if strings.HasPrefix(name, "plan/drop capability ") && !strings.HasPrefix(name, "plan/drop capability 2 ") {
			continue // one is as the other
		}
		points = append(points, fmt.Sprintf("%s:%d", name, count[name]))
	}
	return points
}

// short leaves one victim to each step of a plan.
func short(points []string) []string {
	victims := []string{"", "@both", "@dlx", "@keeper"}
	step, seen := "", 0
	return slices.DeleteFunc(points, func(p string) bool {
		name, _, _ := strings.Cut(p, ":")
		if !strings.HasPrefix(name, "plan/") || *long {
			return false
		}
		base, victim := name, ""
		if i := strings.IndexByte(name, '@'); i >= 0 {
			base, victim = name[:i], name[i:]
		}
		if base != step {
			step = base
			seen++
		}
		return victim != victims[seen%len(victims)]
	})
}

// TestDebug kills dlx, the session's keeper, the child that becomes its first process, and two of
// them at once, at every step of a session, and wants everything gone.
func TestDebug(t *testing.T) {
	w := newWalk(t)
	w.sessions(append([]string{"debug", w.box.Name, "--"}, sessionCommand...)...)
	if !*long {
		return
	}
	w.sessions(append([]string{"debug", "--fs", "target", "--read-only", w.box.Name, "--"}, sessionCommand...)...)
	w.sessions("debug", "--fs", "host", w.box.Name, "--", "/bin/sh", "-c", "sleep 1000 & true")
}

// TestStandIn kills dlx, and the keeper of the process that stands for a container which does not
// run, while that is made and ended.
func TestStandIn(t *testing.T) {
	w := newWalk(t)
	stopped := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "box", testutil.Busybox(t)), NoStart: true})
	session := append([]string{"debug", "--stopped", stopped.Name, "--"}, sessionCommand...)
	passed := w.run(session...)
	w.check("no point")
	if !slices.Contains(passed, "kept.started") || !slices.Contains(passed, "kept.killed") {
		t.Fatalf("points %q", passed)
	}
	for _, point := range selected(passed) {
		name, _, _ := strings.Cut(point, ":")
		own := strings.HasPrefix(name, "kept.") || name == "session.running"
		step := strings.Contains(name, "mount /proc")
		if own || step || *long {
			w.debug(point, session)
		}
	}
	if diff := stopped.Diff(); len(diff) > 0 {
		t.Errorf("the container: %q", diff)
	}
	w.run(session...)
}

func (w *walk) sessions(session ...string) {
	w.t.Helper()
	passed := w.run(session...)
	w.check("no point")
	if !slices.Contains(passed, "session.running") || !slices.Contains(passed, "keeper/plan.forked") {
		w.t.Fatalf("points %q", passed)
	}
	points := short(selected(passed))
	w.t.Logf("%d points", len(points))
	for _, point := range points {
		w.debug(point, session)
	}
	w.run(session...)
}

// debug kills at one point of a session.
func (w *walk) debug(point string, session []string) {
	w.t.Helper()
	passed, res := w.at(point, session...)
	name, _, _ := strings.Cut(point, ":")
	if !slices.Contains(passed, name) {
		w.t.Errorf("%s is not passed: %q", point, passed)
	}
	if other := strings.HasPrefix(name, "keeper/") || strings.HasSuffix(name, "@keeper"); !other && !strings.HasPrefix(name, "plan/") && !killed(res) {
		w.t.Errorf("%s: dlx has ended with %d: %s", point, res.Code, res.Stderr)
	}
	if strings.HasSuffix(name, "@both") {
		w.swept(point, session) // nobody is left to clean up
	}
	w.check(point)
	if *long { // or the next one that is killed shows that sessions go on
		w.run(session...)
	}
}

// TestKeeper kills the keeper too, while it cleans up after dlx. The next session finishes that.
func TestKeeper(t *testing.T) {
	w := newWalk(t)
	session := append([]string{"debug", w.box.Name, "--"}, sessionCommand...)
	for _, end := range []string{"session.running", "session.given"} {
		w.at(end, session...)
		w.check(end)
		passed := slices.DeleteFunc(w.log(), func(p string) bool { // of the keeper's points, those after dlx's end
			return !strings.HasPrefix(p, "keeper/cgroup") && p != "keeper/left" && p != "keeper/cleaned"
		})
		if !slices.Contains(passed, "keeper/cgroup.empty") {
			t.Errorf("points %q", passed)
		}
		for _, point := range selected(passed) {
			if _, res := w.at(end+","+point, session...); !killed(res) {
				t.Errorf("%s: status %d: %s", point, res.Code, res.Stderr)
			}
			w.keeperGone(point)
			w.swept(point, session)
			w.check(end + " and " + point)
		}
	}
}

// keeperGone waits until the keeper has come to its point.
func (w *walk) keeperGone(point string) {
	w.t.Helper()
	name, _, _ := strings.Cut(point, ":")
	testutil.Wait(w.t, "the keeper at "+point, leftLimit, func() bool { return slices.Contains(w.log(), name) })
}

// TestInit kills the session's first process inside the container.
func TestInit(t *testing.T) {
	w := newWalk(t)
	at := func(point string) []string {
		args := []string{"debug", "-e", failpoint.LogVariable + "=/dev/stderr", "-e", failpoint.PointVariable + "=" + point, w.box.Name, "--"}
		return append(args, sessionCommand...)
	}
	_, res := w.at("", at("")...)
	passed := slices.DeleteFunc(strings.Fields(res.Stderr), func(p string) bool { return !strings.HasPrefix(p, "init/") })
	if !slices.Contains(passed, "init/told") {
		t.Fatalf("points %q", passed)
	}
	for _, point := range selected(passed) {
		if _, res := w.at("", at(point)...); slices.Contains([]string{"init/started:1", "init/forked:1", "init/exited:1"}, point) && res.Code == 0 {
			w.t.Errorf("%s: dlx has ended with 0", point)
		}
		w.check(point)
	}
}

// TestInject kills an injection and an ejection at every step. What is left is known, and taken out
// by the next of either.
func TestInject(t *testing.T) {
	w := newWalk(t)
	inject, eject := []string{"inject", w.box.Name}, []string{"eject", "--all"}
	injecting := w.run(inject...)
	ejecting := w.run(eject...)
	w.clean("no point")
	for i, point := range selected(injecting) {
		w.dies(point, inject)
		if i%2 == 0 {
			w.run(inject...)
		}
		w.run(eject...)
		w.clean(point)
	}
	for i, point := range selected(ejecting) {
		w.run(inject...)
		w.dies(point, eject)
		if i%2 == 0 {
			w.run(inject...)
		}
		w.run(eject...)
		w.clean(point)
	}
}

// dies kills dlx at a point.
func (w *walk) dies(point string, args []string) {
	w.t.Helper()
	if _, res := w.at(point, args...); !killed(res) {
		w.t.Errorf("%s: status %d: %s", point, res.Code, res.Stderr)
	}
}

// clean wants the journal empty too.
func (w *walk) clean(point string) {
	w.t.Helper()
	w.check(point)
	names, err := filepath.Glob(filepath.Join(w.dir, "state/journal/*"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, name := range names {
		if filepath.Base(name) != "lock" {
			w.t.Errorf("killed at %s: left in the journal: %s", point, filepath.Base(name))
		}
	}
}

// TestCapture kills a capture at every step, also between two files, and while its packets are
// printed by another process.
func TestCapture(t *testing.T) {
	w := newWalk(t)
	for _, args := range [][]string{
		{"capture", w.box.Name, "-w", "x%S.pcapng", "-G", "1", "-c", "30"},
		{"capture", w.box.Name, "-c", "3"},
	} {
		passed := w.run(args...)
		if !slices.Contains(passed, "capture.begun") {
			t.Fatalf("points %q", passed)
		}
		for _, point := range selected(passed) {
			w.dies(point, args)
			w.check(point)
		}
		w.run(args...)
		w.check("no point")
	}
}
