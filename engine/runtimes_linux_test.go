package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dlx/capture"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/target"
	"dlx/target/containerd"
	"dlx/target/podman"
)

// guest is a container of a runtime that is not Docker.
type guest struct {
	ref, id, name string
	pid           func() int
	start, stop   func()
	kill          func() // and leave its files mounted; may be nil
}

// TestContainerd: every verb on a container of containerd's.
func TestContainerd(t *testing.T) {
	testutil.RequireRoot(t)
	d := testutil.StartContainerd(t)
	const namespace = "dlx-test"
	image := d.Image(t, namespace, "pause", testutil.Prog(t, "pause"))
	c := d.Run(t, testutil.CtrOptions{Namespace: namespace, Image: image, ID: "web", Labels: map[string]string{"app": "shop"}})
	everyVerb(t, containerd.New(containerd.Options{Socket: d.Socket}), guest{
		"containerd://dlx-test/web", "dlx-test/web", "web", func() int { return c.PID }, c.Start, c.Stop, c.Kill,
	})
}

// TestPodman: every verb on a container of a Podman of root's.
func TestPodman(t *testing.T) {
	s := testutil.RequirePodman(t).Serve()
	c := s.Run(t, testutil.RunOptions{Image: s.Image("pause", testutil.Prog(t, "pause")), Labels: map[string]string{"app": "shop"}}, "")
	everyVerb(t, podman.New(podman.Options{Socket: s.Socket}), guest{
		"podman://" + c.Name(), c.ID(), c.Name(), c.PID, c.Start, c.Stop, nil,
	})
}

// TestPodmanOfUser: root's dlx in the containers of a user's Podman. Nothing is written for that user
// at a path that the user names.
func TestPodmanOfUser(t *testing.T) {
	s := testutil.RequireSubordinatePodman(t).Serve()
	c := s.Run(t, testutil.RunOptions{Image: s.Image("pause", testutil.Prog(t, "pause")), User: "1000"}, "")
	r := podman.New(podman.Options{Socket: s.Socket, Owner: s.UID()})
	g := guest{fmt.Sprintf("podman://%d/%s", s.UID(), c.Name()), c.ID(), c.Name(), c.PID, c.Start, c.Stop, nil}
	e := engine.NewLocal(engine.LocalOptions{Runtimes: []target.Runtime{r}, State: t.TempDir(), Configs: []string{t.TempDir()}})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("list", func(t *testing.T) { g.list(t, e, r) })
	t.Run("debug", func(t *testing.T) { g.debug(t, e) })
	t.Run("inject", func(t *testing.T) {
		if _, err := e.Inject(within(t), engine.InjectRequest{Target: g.ref}); !errors.Is(err, fault.NoLayer) || !strings.Contains(err.Error(), "to change") {
			t.Errorf("error %v, want fault.NoLayer and whose they are", err)
		}
	})
	t.Run("capture", func(t *testing.T) { g.capture(t, e) })
}

func everyVerb(t *testing.T, r target.Runtime, g guest) {
	e := engine.NewLocal(engine.LocalOptions{Runtimes: []target.Runtime{r}, State: t.TempDir(), Configs: []string{t.TempDir()}})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("list", func(t *testing.T) { g.list(t, e, r) })
	t.Run("debug", func(t *testing.T) { g.debug(t, e) })
	t.Run("inject", func(t *testing.T) { g.everywhere(t, e) })
	t.Run("capture", func(t *testing.T) { g.capture(t, e) })
}

func (g *guest) list(t *testing.T, e engine.Engine, r target.Runtime) {
	list, err := e.List(within(t))
	if err != nil || len(list) != 1 || list[0].ID != g.id || list[0].Runtime != r.Scheme() || list[0].PID != g.pid() {
		t.Errorf("%+v, %v", list, err)
	}
}

func (g *guest) debug(t *testing.T, e engine.Engine) {
	for _, name := range []string{g.ref, g.name, g.name[:len(g.name)-1]} {
		for _, profile := range []string{"general", "restricted", "sysadmin"} {
			var out, errOut bytes.Buffer
			req := engine.DebugRequest{Target: name, Profile: profile, Command: []string{"sh", "-c", "ls / && cat /proc/1/comm"}}
			code, err := e.Debug(within(t), req, engine.Streams{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errOut})
			if err != nil || code != 0 || !strings.Contains(out.String(), "pause\n") {
				t.Errorf("%s, %s: status %d, %v, %s%s", name, profile, code, err, out.String(), errOut.String())
			}
		}
	}
}

// everywhere injects while it runs and while it does not.
func (g *guest) everywhere(t *testing.T, e engine.Engine) {
	g.inject(t, e)
	if g.kill != nil {
		g.kill()
		if _, err := e.Inject(within(t), engine.InjectRequest{Target: g.ref}); !errors.Is(err, fault.NoStoppedLayer) {
			t.Errorf("below what is mounted: %v, want fault.NoStoppedLayer", err)
		}
	}
	g.stop()
	if _, err := e.Debug(within(t), engine.DebugRequest{Target: g.ref}, engine.Streams{}); !errors.Is(err, fault.NotRunning) {
		t.Errorf("debug of a stopped one: %v, want fault.NotRunning", err)
	}
	if _, err := e.Inject(within(t), engine.InjectRequest{Target: g.ref}); err != nil {
		t.Fatalf("into a stopped one: %v", err)
	}
	g.start()
	if !g.has("/.dlx/bin/sh") {
		t.Error("it has no toolbox when it runs again")
	}
	if res, err := e.Eject(within(t), engine.EjectRequest{All: true}); err != nil || len(res) != 1 || g.has("/.dlx") {
		t.Errorf("eject all: %+v, %v", res, err)
	}
}

// capture ends with the container.
func (g *guest) capture(t *testing.T, e engine.Engine) {
	ctx := within(t)
	var file bytes.Buffer
	ended := make(chan error, 1)
	var stats engine.CaptureStats
	on := make(chan struct{})
	go func() {
		var err error
		stats, err = e.Capture(ctx, engine.CaptureRequest{Targets: []string{g.ref}}, &noted{Sink: capture.ToWriter(&file), on: on})
		ended <- err
	}()
	select {
	case <-on:
	case err := <-ended:
		t.Fatal(err)
	}
	g.stop()
	if err := <-ended; err != nil || !stats.TargetEnded {
		t.Errorf("capture: %+v, %v", stats, err)
	}
	if !bytes.Contains(file.Bytes(), []byte(g.name)) {
		t.Error("the file does not say whose packets it is for")
	}
}

// noted says when a capture is on.
type noted struct {
	engine.Sink
	on chan struct{}
}

func (n *noted) Begin() error {
	close(n.on)
	return n.Sink.Begin()
}

// inject places a toolbox in the running container, and takes it out again.
func (g *guest) inject(t *testing.T, e engine.Engine) {
	t.Helper()
	res, err := e.Inject(within(t), engine.InjectRequest{Target: g.name})
	if err != nil || res.ID != g.id || !g.has(res.Shell) {
		t.Fatalf("inject: %+v, %v", res, err)
	}
	out, err := e.Eject(within(t), engine.EjectRequest{Target: g.ref})
	if err != nil || len(out) != 1 || len(out[0].Left) > 0 || g.has("/.dlx") {
		t.Errorf("eject: %+v, %v", out, err)
	}
}

// has says whether the container has a file, as its process sees it.
func (g *guest) has(file string) bool {
	_, err := os.Lstat(filepath.Join("/proc", strconv.Itoa(g.pid()), "root", file))
	return err == nil
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
