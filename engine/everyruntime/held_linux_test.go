package everyruntime_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"dlx/engine"
	"dlx/engine/enginetest"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/shell"
	"dlx/target"
	"dlx/target/containerd"
	"dlx/target/docker"
	"dlx/target/podman"
)

// TestHoldContainerd: a task's end and the next task's start are held. A container of Kubernetes'
// whose pod has ended is not waited for.
func TestHoldContainerd(t *testing.T) {
	testutil.RequireRoot(t)
	d := testutil.StartContainerd(t)
	const namespace = "dlx-test"
	image := d.Image(t, namespace, "ender", testutil.Prog(t, "ender"))
	e := holdEngine(t, containerd.New(containerd.Options{Socket: d.Socket}))
	c := d.Run(t, testutil.CtrOptions{Namespace: namespace, Image: image, ID: "a", NoStart: true})
	holds(t, e, guest{"containerd://dlx-test/a", "dlx-test/a", "a", func() int { return c.PID }, c.Start, c.Stop, nil, nil, nil})

	const kubernetes = "k8s.io"
	labels := map[string]string{"io.cri-containerd.kind": "container", "io.kubernetes.container.name": "web", "io.kubernetes.pod.name": "shop", "io.kubernetes.pod.uid": "1"}
	pod := d.Run(t, testutil.CtrOptions{Namespace: kubernetes, Image: d.Image(t, kubernetes, "ender", testutil.Prog(t, "pause")), Labels: labels})
	req := engine.DebugRequest{Target: "containerd://k8s.io/" + pod.ID, Hold: engine.Hold{When: engine.OnStart}, Command: []string{"true"}}
	w := enginetest.Wait(t, e, req)
	w.Told(shell.HoldForStart)
	pod.Stop()
	if w.Wait(); !errors.Is(w.Err, fault.NoRestart) {
		t.Errorf("it ended meanwhile: %v, want fault.NoRestart", w.Err)
	}
	for _, when := range []engine.When{engine.OnStart, engine.OnExit} {
		req.Hold.When = when
		if _, err := e.Debug(within(t), req, engine.Streams{}); !errors.Is(err, fault.NoRestart) {
			t.Errorf("%s: %v, want fault.NoRestart", when, err)
		}
	}
}

// TestHoldPodman: the same with Podman's.
func TestHoldPodman(t *testing.T) {
	s := testutil.RequirePodman(t).Serve()
	c := s.Run(t, testutil.RunOptions{Image: s.Image("ender", testutil.Prog(t, "ender")), NoStart: true}, "")
	holds(t, holdEngine(t, podman.New(podman.Options{Socket: s.Socket})), guest{
		"podman://" + c.Name(), c.ID(), c.Name(), c.PID, c.Start, c.Stop, nil, nil, nil,
	})
}

func holdEngine(t *testing.T, r target.Runtime) engine.Engine {
	e := engine.NewLocal(engine.LocalOptions{Runtimes: []target.Runtime{r}, State: t.TempDir(), Configs: []string{t.TempDir()}})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// holds waits for a container's first start, for its next one, and for its end. Its program, which
// is the toolbox's image's ender without an argument, ends by itself as soon as it may.
func holds(t *testing.T, e engine.Engine, g guest) {
	request := func(when engine.When, script string) engine.DebugRequest {
		return engine.DebugRequest{Target: g.ref, Hold: engine.Hold{When: when}, Command: []string{"sh", "-c", script}}
	}
	for range 2 {
		w := enginetest.Wait(t, e, request(engine.OnStart, "grep '^State' /proc/1/status; grep -c . /proc/1/maps >/dev/null && test -x /ender"))
		w.Told(shell.HoldForStart)
		w.ToldOf(shell.HoldStopped, begins(g))
		if out := w.Ended(0); out != "State:\tT (stopped)\n" {
			t.Errorf("it printed %q", out)
		}
		g.stop()
	}
	w := enginetest.Wait(t, e, request(engine.OnExit, "test -x /ender && tr '\\0' ' ' </proc/1/cmdline"))
	w.Told(shell.HoldForStart)
	if n := w.ToldOf(shell.HoldEnding, begins(g)); n.End != "exit status 1" {
		t.Errorf("told %+v", n)
	}
	if out := w.Ended(0); out != "/ender " {
		t.Errorf("it printed %q", out)
	}
	testutil.Wait(t, "the container's end", patience, func() bool {
		args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", g.pid()))
		return err != nil || len(bytes.Trim(args, "\x00")) == 0
	})
}

// begins starts a container, and each time behind the first one it stops it before.
func begins(g guest) func() {
	started := false
	return func() {
		if started {
			g.stop()
		}
		started = true
		g.start()
	}
}

// patience is more than anything takes on a busy machine.
const patience = time.Minute

// TestHoldDocker: the suite's part about ends and starts.
func TestHoldDocker(t *testing.T) {
	enginetest.RunHolds(t, func(_ *testing.T, p enginetest.Place) engine.Engine {
		return engine.NewLocal(engine.LocalOptions{
			Runtimes: []target.Runtime{docker.New(docker.Options{Host: p.Docker})}, State: p.State, Configs: []string{p.Config}, HostFiles: true, Gate: p.Gate,
		})
	})
}
