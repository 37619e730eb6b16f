package everyruntime_test

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
	"dlx/target/docker"
	"dlx/target/podman"
)

// guest is a container of a runtime that is not Docker.
type guest struct {
	ref, id, name string
	pid           func() int
	start, stop   func()
	kill          func() // and leave its files mounted; may be nil
	pause, resume func()
}

// TestDocker: every verb on a container of Docker's, for the versions of it that make test has not.
func TestDocker(t *testing.T) {
	here := testutil.RequireDocker(t)
	image := testutil.Image(t, "pause", testutil.Prog(t, "pause"))
	everyVerb(t, docker.New(docker.Options{Host: here.Host}), func(t *testing.T, name string, readOnly bool) guest {
		c := here.Run(t, testutil.RunOptions{Image: image, Name: name + strconv.Itoa(os.Getpid()), ReadOnly: readOnly})
		return guest{"docker://" + c.Name, c.ID, c.Name, func() int { return c.PID }, c.Start, c.Stop, nil, c.Pause, c.Unpause}
	})
}

// TestContainerd: every verb on a container of containerd's.
func TestContainerd(t *testing.T) {
	testutil.RequireRoot(t)
	d := testutil.StartContainerd(t)
	const namespace = "dlx-test"
	image := d.Image(t, namespace, "pause", testutil.Prog(t, "pause"))
	everyVerb(t, containerd.New(containerd.Options{Socket: d.Socket}), func(t *testing.T, name string, readOnly bool) guest {
		c := d.Run(t, testutil.CtrOptions{Namespace: namespace, Image: image, ID: name, Labels: map[string]string{"app": "shop"}, ReadOnly: readOnly})
		id := namespace + "/" + name
		return guest{"containerd://" + id, id, name, func() int { return c.PID }, c.Start, c.Stop, c.Kill, c.Pause, c.Unpause}
	})
}

// TestPodman: every verb on a container of a Podman of root's.
func TestPodman(t *testing.T) {
	s := testutil.RequirePodman(t).Serve()
	image := s.Image("pause", testutil.Prog(t, "pause"))
	everyVerb(t, podman.New(podman.Options{Socket: s.Socket}), func(t *testing.T, name string, readOnly bool) guest {
		c := s.Run(t, testutil.RunOptions{Image: image, Name: name, Labels: map[string]string{"app": "shop"}, ReadOnly: readOnly}, "")
		return guest{"podman://" + name, c.ID(), name, c.PID, c.Start, c.Stop, nil, c.Pause, c.Unpause}
	})
}

// TestPodmanOfUser: root's dlx in the containers of a user's Podman. Nothing is written for that
// user at a path that the user names.
func TestPodmanOfUser(t *testing.T) {
	s := testutil.RequireSubordinatePodman(t).Serve()
	c := s.Run(t, testutil.RunOptions{Image: s.Image("pause", testutil.Prog(t, "pause")), User: "1000"}, "")
	r := podman.New(podman.Options{Socket: s.Socket, Owner: s.UID()})
	g := guest{fmt.Sprintf("podman://%d/%s", s.UID(), c.Name()), c.ID(), c.Name(), c.PID, c.Start, c.Stop, nil, nil, nil}
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
	t.Run("capture", func(t *testing.T) { g.capture(t, e, false) })
}

func everyVerb(t *testing.T, r target.Runtime, run func(t *testing.T, name string, readOnly bool) guest) {
	e := engine.NewLocal(engine.LocalOptions{Runtimes: []target.Runtime{r}, State: t.TempDir(), Configs: []string{t.TempDir()}})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	g := run(t, "dlx-test-web", false)
	testutil.Works(t, "ps", "running", func(t *testing.T) { g.list(t, e, r) })
	testutil.Works(t, "debug", "running", func(t *testing.T) { g.debug(t, e) })
	testutil.Works(t, "inject", "running", func(t *testing.T) { g.inject(t, e) })
	g.pause()
	testutil.Works(t, "ps", "paused", func(t *testing.T) { g.list(t, e, r) })
	testutil.Works(t, "debug", "paused", func(t *testing.T) { g.debug(t, e) })
	testutil.Works(t, "inject", "paused", func(t *testing.T) { g.inject(t, e) })
	g.resume()
	testutil.Works(t, "inject", "stopped", func(t *testing.T) { g.stopped(t, e) })
	testutil.Works(t, "capture", "restarted", func(t *testing.T) { g.capture(t, e, true) })
	g.start()
	testutil.Works(t, "capture", "running", func(t *testing.T) { g.capture(t, e, false) })
	ro := run(t, "dlx-test-still", true)
	testutil.Works(t, "debug", "read-only", func(t *testing.T) { ro.debug(t, e) })
	testutil.Works(t, "inject", "read-only", func(t *testing.T) { ro.inject(t, e) })
}

func (g *guest) list(t *testing.T, e engine.Engine, r target.Runtime) {
	list, err := e.List(within(t))
	for _, c := range list {
		if c.ID == g.id && c.Runtime == r.Scheme() && c.PID == g.pid() && err == nil {
			return
		}
	}
	t.Errorf("%+v, %v", list, err)
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

// stopped injects while it does not run.
func (g *guest) stopped(t *testing.T, e engine.Engine) {
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

// capture ends with the container, and goes on if that is restarted.
func (g *guest) capture(t *testing.T, e engine.Engine, restart bool) {
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
	if restart {
		g.stop()
		g.start()
		testutil.Wait(t, "the capture to go on", time.Minute, func() bool { return packetSockets(t, g.pid()) > 0 })
	}
	g.stop()
	if err := <-ended; err != nil || !stats.TargetEnded || restart != (len(stats.Restarts) == 1) {
		t.Errorf("capture: %+v, %v", stats, err)
	}
	if !bytes.Contains(file.Bytes(), []byte(g.name)) {
		t.Error("the file does not say whose packets it is for")
	}
}

// packetSockets counts those in the network of a process (proc_pid_net(5), "packet").
func packetSockets(t *testing.T, pid int) int {
	t.Helper()
	table, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "net/packet"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(table, []byte("\n")) - 1 // without the head
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
