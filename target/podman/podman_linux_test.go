package podman_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/target"
	"dlx/target/podman"
	"dlx/target/runtimetest"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// long bounds what a busy machine may take for one thing.
const long = time.Minute

// TestRuntime: root's Podman passes the suite, and keeps to what only it has.
func TestRuntime(t *testing.T) {
	here := testutil.RequirePodman(t).Serve()
	image := here.Image("pause", testutil.Prog(t, "pause"))
	suite := suiteOf(here, image)
	suite.Test(t)
	t.Run("pod", func(t *testing.T) { pod(t, here, image) })
	t.Run("layers", func(t *testing.T) { layers(t, here, image) })
	t.Run("exec", func(t *testing.T) { exec(t, here) })
	t.Run("subscribed", func(t *testing.T) { subscribed(t, here, image) })
	t.Run("health", func(t *testing.T) { health(t, here) })
	t.Run("other owner", func(t *testing.T) { otherOwner(t, here) })
}

// TestRootless: so does that of a user, with what a user can have.
func TestRootless(t *testing.T) {
	here := testutil.RequireRootlessPodman(t).Serve()
	image := here.Image("pause", testutil.Prog(t, "pause"))
	suite := suiteOf(here, image)
	suite.NoRootfs = true
	_, err := os.Stat("/sys/fs/cgroup/cgroup.controllers")
	suite.NoPause = err != nil
	suite.Test(t)
	t.Run("health", func(t *testing.T) { health(t, here) })
	t.Run("owned", func(t *testing.T) { owned(t, here, image) })
}

// owned checks what is said of a user's container beside what is said of root's.
func owned(t *testing.T, here *testutil.PodmanService, image string) {
	c := here.Run(t, testutil.RunOptions{Image: image}, "")
	info, err := open(t, here).Inspect(runtimetest.Bounded(t), c.ID())
	if err != nil {
		t.Fatal(err)
	}
	if info.Owner != here.UID() || info.PID != c.PID() || info.Layers.Upper == "" {
		t.Errorf("%+v, want it to be of user %d, with process %d and its layers", info, here.UID(), c.PID())
	}
	own, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", c.PID()))
	if err != nil || strings.Contains(string(own), c.ID()) != (info.Cgroup != "") {
		t.Errorf("control group %q, want the container's if it has one: %s, %v", info.Cgroup, own, err)
	}
	if _, err := os.Stat(info.Layers.Merged); err == nil && info.Layers.Merged != "" {
		if entries, err := os.ReadDir(info.Layers.Merged); err != nil || len(entries) > 0 {
			t.Errorf("the merged directory is mounted for the host: %v, %v", entries, err)
		}
	}
}

func suiteOf(here *testutil.PodmanService, image string) *runtimetest.Suite {
	return &runtimetest.Suite{
		Socket: here.Socket,
		Open: func(t *testing.T, socket string) target.Runtime {
			t.Helper()
			o := podman.Options{Socket: socket}
			if socket == here.Socket {
				o.Owner = here.UID()
			}
			return podman.New(o)
		},
		Run: func(t *testing.T, o runtimetest.Options) runtimetest.Container {
			t.Helper()
			return here.Run(t, testutil.RunOptions{Image: image, Name: o.Name, Labels: o.Labels, Env: o.Env, NoStart: o.NoStart}, "")
		},
	}
}

func open(t *testing.T, here *testutil.PodmanService) *podman.Runtime {
	t.Helper()
	r := podman.New(podman.Options{Socket: here.Socket, Owner: here.UID()})
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// pod checks that a pod's own container is beside the others only if all are asked for, and that
// the pod's name and a container's lead to the container.
func pod(t *testing.T, here *testutil.PodmanService, image string) {
	r := open(t, here)
	mark := map[string]string{"dlx.test": "pod", "io.podman.compose.service": "front"}
	name := here.Pod(t, image, mark)
	events, err := r.Watch(runtimetest.Bounded(t), target.Filter{Labels: []string{"dlx.test=pod"}})
	if err != nil {
		t.Fatal(err)
	}
	every, err := r.Watch(runtimetest.Bounded(t), target.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	web := here.Run(t, testutil.RunOptions{Image: image, Labels: mark}, name) // which starts the pod's own first
	for _, events := range []<-chan target.Event{events, every} {
		if e := <-events; e.Ref.Name != web.ID() {
			t.Errorf("event %v, want the start of %s", e, web.ID())
		}
	}
	for _, tt := range []struct {
		filter target.Filter
		want   []string
	}{
		{target.Filter{}, []string{web.Name()}},
		{target.Filter{All: true}, []string{web.Name(), name + "-infra"}},
	} {
		list, err := r.List(runtimetest.Bounded(t), tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range list {
			names = append(names, c.Name)
		}
		slices.Sort(tt.want)
		if diff := cmp.Diff(tt.want, names); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.filter, diff)
		}
	}
	for _, called := range []string{name + "_" + web.Name(), "front"} {
		if hits, err := r.Find(runtimetest.Bounded(t), called); err != nil || len(hits) != 1 || hits[0].ID != web.ID() {
			t.Errorf("%s: %v, %v", called, hits, err)
		}
	}
	if hits, err := r.Find(runtimetest.Bounded(t), name+"-infra"); err != nil || len(hits) != 1 {
		t.Errorf("the pod's own: %v, %v", hits, err)
	}
}

// layers follows the directories of a container's files, and its control group, through its life.
func layers(t *testing.T, here *testutil.PodmanService, image string) {
	r := open(t, here)
	c := here.Run(t, testutil.RunOptions{Image: image, ReadOnly: true}, "")
	look := func() *target.Info {
		t.Helper()
		info, err := r.Inspect(runtimetest.Bounded(t), c.ID())
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	running := look()
	cgroup, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", c.PID()))
	if err != nil || running.Cgroup == "" || !strings.Contains(string(cgroup), ":"+running.Cgroup+"\n") {
		t.Errorf("control group %q, want it to be in %s, %v", running.Cgroup, cgroup, err)
	}
	if running.Started.Nanosecond() == 0 {
		t.Errorf("started %v: in whole seconds", running.Started)
	}
	if running.Layers.Merged == "" || running.Layers.Upper == "" || len(running.Layers.Lower) != 1 {
		t.Errorf("running: %+v", running.Layers)
	}
	c.Pause()
	paused := look()
	c.Unpause()
	if diff := cmp.Diff(running.Layers, paused.Layers); diff != "" || paused.Cgroup != running.Cgroup {
		t.Errorf("paused: %s, %s", diff, paused.Cgroup)
	}
	c.Stop()
	want := running.Layers
	want.Merged = ""
	if stopped := look(); !cmp.Equal(want, stopped.Layers) || stopped.Cgroup != "" {
		t.Errorf("stopped: %+v, %q, want %+v", stopped.Layers, stopped.Cgroup, want)
	}
}

// exec checks that what is executed in a container is no start of it, and that a restart is one.
func exec(t *testing.T, here *testutil.PodmanService) {
	r := open(t, here)
	image := here.Image("exec", testutil.Prog(t, "pause"), testutil.Prog(t, "true"))
	c := here.Run(t, testutil.RunOptions{Image: image}, "")
	events, err := r.Watch(runtimetest.Bounded(t), target.Filter{ID: c.ID()})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := here.Command("exec", c.ID(), "/true").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	c.Restart()
	c.Restart()
	for range 2 {
		if e := <-events; e.Ref.Name != c.ID() {
			t.Errorf("event %v", e)
		}
	}
	select {
	case e := <-events:
		t.Errorf("event %v after the two starts", e)
	default:
	}
}

// subscribed checks that a start at once after Watch is told of, each time. It takes Podman longer
// to start a container than to begin to read its log, so the log is written to.
func subscribed(t *testing.T, here *testutil.PodmanService, image string) {
	r := open(t, here)
	c := here.Run(t, testutil.RunOptions{Image: image}, "")
	log, err := os.OpenFile(here.Dir()+"/tmp/events/events.log", os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	text, err := io.ReadAll(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	i := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, c.ID()) && strings.Contains(line, `"start"`) })
	var start map[string]any
	if err := json.Unmarshal([]byte(lines[max(i, 0)]), &start); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		ctx, stop := context.WithCancel(runtimetest.Bounded(t))
		events, err := r.Watch(ctx, target.Filter{ID: c.ID()})
		if err != nil {
			t.Fatal(err)
		}
		start["Time"] = time.Now()
		line, err := json.Marshal(start)
		if err == nil {
			_, err = log.Write(append(line, '\n'))
		}
		if err != nil {
			t.Fatal(err)
		}
		select {
		case e := <-events:
			if e.Ref.Name != c.ID() {
				t.Errorf("event %v", e)
			}
		case <-time.After(long / 10):
			t.Fatalf("start %d was not told of", i)
		}
		stop()
		for e := range events {
			t.Errorf("event %v too", e)
		}
	}
}

func health(t *testing.T, here *testutil.PodmanService) {
	text, err := here.Command("--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	version := strings.Fields(string(text))[2]
	want := version + " at " + here.Socket
	if here.UID() != 0 {
		want += fmt.Sprintf(" (user %d)", here.UID())
	}
	if line, err := open(t, here).Health(runtimetest.Bounded(t)); err != nil || line != want {
		t.Errorf("%q, %v, want %q", line, err, want)
	}
}

// otherOwner checks that a Podman is not taken for another user's.
func otherOwner(t *testing.T, here *testutil.PodmanService) {
	r := podman.New(podman.Options{Socket: here.Socket, Owner: here.UID() + 1})
	if _, err := r.Health(runtimetest.Bounded(t)); !errors.Is(err, fault.NoRuntime) {
		t.Errorf("%v, want fault.NoRuntime", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestServiceEnds: a watch ends with a word when the service does, after what it has told.
func TestServiceEnds(t *testing.T) {
	here := testutil.RequirePodman(t).Serve()
	c := here.Run(t, testutil.RunOptions{Image: here.Image("pause", testutil.Prog(t, "pause")), NoStart: true}, "")
	events, err := open(t, here).Watch(runtimetest.Bounded(t), target.Filter{ID: c.ID()})
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	if e := <-events; e.Ref.Name != c.ID() {
		t.Errorf("event %v", e)
	}
	here.Stop()
	if e := <-events; !errors.Is(e.Err, fault.NoRuntime) {
		t.Errorf("event %v, want fault.NoRuntime", e)
	}
	here.Start() // for what removes the containers
}
