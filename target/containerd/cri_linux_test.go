package containerd_test

import (
	"bytes"
	"dlx/engine/enginetest"
	"dlx/fault"
	"dlx/shell"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/capture"
	"dlx/engine"
	"dlx/internal/testutil"
	"dlx/target"
	"dlx/target/containerd"
	"dlx/target/internal/critest"
	"dlx/target/runtimetest"
)

// TestPod: containers of Kubernetes are called by pod and name, their sandboxes are shown to who
// wants all, and what is made anew with a restart is what the name means.
func TestPod(t *testing.T) {
	k := critest.Start(t)
	r := open(t, k.Socket)
	pod := k.Pod("shop", "uid-1")
	web, side := pod.Container(critest.ContainerOptions{Name: "web"}), pod.Container(critest.ContainerOptions{Name: "side"})

	names := func(f target.Filter) map[string]string {
		t.Helper()
		list, err := r.List(runtimetest.Bounded(t), f)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		for _, c := range list {
			all[c.ID] = c.Name
		}
		return all
	}
	want := map[string]string{"k8s.io/" + web: "shop_web", "k8s.io/" + side: "shop_side"}
	if diff := cmp.Diff(want, names(target.Filter{})); diff != "" {
		t.Errorf("what runs (-want +got):\n%s", diff)
	}
	want["k8s.io/"+pod.ID] = pod.ID
	if diff := cmp.Diff(want, names(target.Filter{All: true})); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}

	find := func(name string, want ...string) *target.Info {
		t.Helper()
		hits, err := r.Find(runtimetest.Bounded(t), name)
		if err != nil || len(hits) != len(want) {
			t.Fatalf("%s: %v, %v; want %v", name, runtimetest.IDs(hits), err, want)
		}
		for i, c := range hits {
			if c.ID != "k8s.io/"+want[i] && len(want) == 1 {
				t.Errorf("%s: %s, want %s", name, c.ID, want[i])
			}
		}
		return &hits[0]
	}
	find("shop", web, side)
	find(side[:12], side)
	find("k8s.io/shop_s", side)
	info := find("shop_web", web)
	layers, err := r.Rootfs(runtimetest.Bounded(t), info)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := os.Stat(layers.Merged)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.Stat(fmt.Sprintf("/proc/%d/root/", info.PID))
	if err != nil || !os.SameFile(merged, root) {
		t.Errorf("%s is not the root of process %d: %v", layers.Merged, info.PID, err)
	}

	events, err := r.Watch(runtimetest.Bounded(t), target.Filter{Labels: []string{"io.kubernetes.container.name=web"}})
	if err != nil {
		t.Fatal(err)
	}
	pod.Stop(web)
	if gone, err := r.Inspect(runtimetest.Bounded(t), "k8s.io/"+web); err != nil || gone.State != target.Exited || gone.PID != 0 {
		t.Errorf("stopped: %+v, %v", gone, err)
	}
	again := pod.Container(critest.ContainerOptions{Name: "web", Attempt: 1})
	if e := <-events; e.Err != nil || e.Ref.Name != "k8s.io/"+again {
		t.Errorf("event %v, want the start of %s", e, again)
	}
	find("shop_web", again)
	find(web, web)
}

// TestFollowedPod: a capture goes on in the container that Kubernetes makes in the place of one
// that has ended, and in no other of the pod. It ends with the pod. The defences are Info.Place,
// and that one that has ended is awaited while its pod lives.
func TestFollowedPod(t *testing.T) {
	k := critest.Start(t)
	pod := k.Pod("shop", "uid-1")
	web := pod.Container(critest.ContainerOptions{Name: "web"})
	e := engine.NewLocal(engine.LocalOptions{Runtimes: []target.Runtime{containerd.New(containerd.Options{Socket: k.Socket})}, State: t.TempDir(), Configs: []string{t.TempDir()}})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	var file bytes.Buffer
	sink := &begun{Sink: capture.ToWriter(&file), on: make(chan struct{})}
	type result struct {
		stats engine.CaptureStats
		err   error
	}
	ended := make(chan result, 1)
	go func() {
		stats, err := e.Capture(runtimetest.Bounded(t), engine.CaptureRequest{Targets: []string{"shop_web"}, Filter: "port 1", NoProcess: true}, sink)
		ended <- result{stats, err}
	}()
	<-sink.on
	pod.Stop(web)
	testutil.Wait(t, "the end to be noticed", 20*time.Second, func() bool { return packetSockets(t) == 0 })
	pod.Container(critest.ContainerOptions{Name: "side"}) // not the one
	// Kubernetes waits longer, the more often it has restarted a container: by far longer than
	// another runtime is waited for.
	select {
	case r := <-ended:
		t.Fatalf("the capture has ended with its container, although the pod lives: %+v", r)
	case <-time.After(awaited):
	}
	again := pod.Container(critest.ContainerOptions{Name: "web", Attempt: 1})
	testutil.Wait(t, "the capture to go on", 20*time.Second, func() bool { return packetSockets(t) > 0 })
	pod.Stop(again)
	pod.Remove()
	r := <-ended
	if r.err != nil || !r.stats.TargetEnded || len(r.stats.Restarts) != 1 || !strings.Contains(r.stats.Restarts[0], "shop_web was restarted") {
		t.Errorf("%+v", r)
	}
}

// TestHeldPod: the start of the container that Kubernetes makes in the place of one that has ended
// is held before its first instruction, and that of another one of the pod is not. The wait ends
// with the pod. The defences are Info.Neighbour, and that a process is asked for by its own
// container.
func TestHeldPod(t *testing.T) {
	k := critest.Start(t)
	pod := k.Pod("shop", "uid-1")
	web := pod.Container(critest.ContainerOptions{Name: "web"})
	r := containerd.New(containerd.Options{Socket: k.Socket})
	e := engine.NewLocal(engine.LocalOptions{Runtimes: []target.Runtime{r}, State: t.TempDir(), Configs: []string{t.TempDir()}})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	req := engine.DebugRequest{Target: "shop_web", Hold: engine.Hold{When: engine.OnStart}, Command: []string{"sh", "-c", "cat /proc/[0-9]*/status | grep -c '^State:.T (stopped)'"}}
	sleeps := func(id string) {
		t.Helper()
		testutil.Wait(t, "the container to run", 20*time.Second, func() bool {
			c, err := r.Inspect(runtimetest.Bounded(t), "k8s.io/"+id)
			if err != nil {
				t.Fatal(err)
			}
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID))
			return bytes.Contains(status, []byte("State:\tS")) && bytes.Contains(status, []byte("TracerPid:\t0"))
		})
	}
	held := 0
	for attempt := range 6 { // on a busy machine a start can be noticed late, which is told
		if held == 2 {
			break
		}
		w := enginetest.Wait(t, e, req)
		w.Told(shell.HoldForStart)
		pod.Stop(web)
		sleeps(pod.Container(critest.ContainerOptions{Name: fmt.Sprintf("side%d", attempt)}))
		web = pod.Container(critest.ContainerOptions{Name: "web", Attempt: attempt + 1})
		if w.Told(shell.HoldStopped, shell.HoldLate).State == shell.HoldStopped {
			held++
		}
		if out := w.Ended(0); out != "1\n" {
			t.Errorf("it printed %q", out)
		}
		sleeps(web)
	}
	if held != 2 {
		t.Errorf("%d starts were held before the first instruction, want 2", held)
	}
	w := enginetest.Wait(t, e, req)
	w.Told(shell.HoldForStart)
	pod.Stop(web)
	pod.Remove()
	if w.Wait(); !errors.Is(w.Err, fault.NoRestart) && !errors.Is(w.Err, fault.NotFound) {
		t.Errorf("the pod has ended: %v", w.Err)
	}
}

// awaited is longer than the engine waits for a container that nobody says will start again.
const awaited = 4 * time.Second

// packetSockets counts those of this process (proc_pid_net(5), "packet").
func packetSockets(t *testing.T) (n int) {
	t.Helper()
	table, err := os.ReadFile("/proc/net/packet")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		for _, file := range files {
			if to, err := os.Readlink(file); err == nil && to == "socket:["+fields[len(fields)-1]+"]" {
				n++
			}
		}
	}
	return n
}

// begun says when a capture is on.
type begun struct {
	engine.Sink
	on chan struct{}
}

func (b *begun) Begin() error {
	close(b.on)
	return b.Sink.Begin()
}
