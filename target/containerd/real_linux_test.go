package containerd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/target"
	"dlx/target/containerd"
	"dlx/target/runtimetest"
)

// daemon is a containerd and the runtime that asks it.
type daemon struct {
	*testutil.Containerd
	*containerd.Runtime
}

func start(t *testing.T) *daemon {
	t.Helper()
	d := testutil.StartContainerd(t)
	return &daemon{d, open(t, d.Socket)}
}

func open(t *testing.T, socket string) *containerd.Runtime {
	t.Helper()
	r := containerd.New(containerd.Options{Socket: socket})
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *daemon) pause(t *testing.T, namespace string) (image string) {
	t.Helper()
	return r.Image(t, namespace, "pause", testutil.Prog(t, "pause"))
}

// TestNamespaces: an ID is one container's in its namespace alone, and Docker's are Docker's.
func TestNamespaces(t *testing.T) {
	r := start(t)
	for _, n := range []string{"dlxa", "dlxb", "moby"} {
		r.Run(t, testutil.CtrOptions{Namespace: n, Image: r.pause(t, n), ID: "dlx-test-web"})
	}
	list, err := r.List(runtimetest.Bounded(t), target.Filter{All: true})
	if diff := cmp.Diff([]string{"dlxa/dlx-test-web", "dlxb/dlx-test-web"}, runtimetest.IDs(list)); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for name, want := range map[string][]string{
		"dlx-test-web": {"dlxa/dlx-test-web", "dlxb/dlx-test-web"}, "dlxb/dlx-test-web": {"dlxb/dlx-test-web"}, "dlxa": nil, "dlxa/": nil, "dlxa/dlx": {"dlxa/dlx-test-web"}, "dlxc/dlx": nil,
		"moby/dlx-test-web": nil,
	} {
		hits, err := r.Find(runtimetest.Bounded(t), name)
		if diff := cmp.Diff(want, runtimetest.IDs(hits)); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	if _, err := r.Inspect(runtimetest.Bounded(t), "dlx-test-web"); !errors.Is(err, fault.Ambiguous) {
		t.Errorf("of two: %v", err)
	}
	if _, err := r.Inspect(runtimetest.Bounded(t), "dlxc/dlx-test-web"); !errors.Is(err, fault.NotFound) {
		t.Errorf("in no namespace: %v", err)
	}
}

// TestSpecified: what the container was made with, and where its process is.
func TestSpecified(t *testing.T) {
	r := start(t)
	c := r.Run(t, testutil.CtrOptions{Namespace: namespace, Image: r.pause(t, namespace), ID: "dlx-test-a", Env: []string{"A=1"}})
	info, err := r.Inspect(runtimetest.Bounded(t), "dlx-test-a") // without its namespace
	if err != nil {
		t.Fatal(err)
	}
	if info.ID != "dlx/dlx-test-a" || info.Name != "dlx-test-a" || info.User != "0:0" || info.WorkingDir != "/" || !slices.Contains(info.Env, "A=1") {
		t.Errorf("%+v", info)
	}
	membership, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", c.PID))
	if err != nil || info.Cgroup == "" || !strings.Contains(string(membership), ":"+info.Cgroup+"\n") {
		t.Errorf("%q is not in\n%s%v", info.Cgroup, membership, err)
	}
	again, err := r.Inspect(runtimetest.Bounded(t), info.ID)
	if diff := cmp.Diff(info, again); err != nil || diff != "" {
		t.Errorf("asked again: %v (-first +second):\n%s", err, diff)
	}
	if line, err := r.Health(runtimetest.Bounded(t)); err != nil || !strings.Contains(line, r.Socket) {
		t.Errorf("%q, %v", line, err)
	}
}

// TestStopped: of a task that has stopped containerd tells the old number, and keeps the overlay
// mounted until the task is deleted.
func TestStopped(t *testing.T) {
	r := start(t)
	c := r.Run(t, testutil.CtrOptions{Namespace: namespace, Image: r.pause(t, namespace), ID: "dlx-test-stopped"})
	look := func() (*target.Info, target.Layers) {
		t.Helper()
		info, err := r.Inspect(runtimetest.Bounded(t), "dlx/dlx-test-stopped")
		if err != nil {
			t.Fatal(err)
		}
		layers, err := r.Rootfs(runtimetest.Bounded(t), info)
		if err != nil {
			t.Fatal(err)
		}
		return info, layers
	}
	info, running := look()
	if info.State != target.Running || running.Merged == "" || running.Upper == "" || len(running.Lower) == 0 {
		t.Errorf("running: %s, %+v", info.State, running)
	}
	c.Kill()
	info, killed := look()
	if info.State != target.Exited || info.PID != 0 || killed.Merged != running.Merged || killed.Upper != "" {
		t.Errorf("killed: %s with process %d, %+v", info.State, info.PID, killed)
	}
	if err := os.WriteFile(filepath.Join(killed.Merged, "mark"), nil, 0o600); err != nil {
		t.Error(err)
	}
	if list, err := r.List(runtimetest.Bounded(t), target.Filter{}); err != nil || len(list) != 0 {
		t.Errorf("a list of what runs has %v, %v", list, err)
	}
	c.Stop()
	info, stopped := look()
	if info.State != target.Exited || stopped.Merged != "" || stopped.Upper != running.Upper {
		t.Errorf("stopped: %s, %+v", info.State, stopped)
	}
	if _, err := os.Stat(filepath.Join(stopped.Upper, "mark")); err != nil {
		t.Error(err)
	}
}

// TestState: the merged directory is found by the container's shim if containerd's state directory
// is another one than is thought.
func TestState(t *testing.T) {
	r := start(t)
	c := r.Run(t, testutil.CtrOptions{Namespace: namespace, Image: r.pause(t, namespace)})
	for _, state := range []string{"", r.State, t.TempDir()} {
		there := containerd.New(containerd.Options{Socket: r.Socket, State: state})
		layers, err := there.Rootfs(runtimetest.Bounded(t), &target.Info{ID: namespace + "/" + c.ID})
		if want := filepath.Join(r.State, "io.containerd.runtime.v2.task", namespace, c.ID, "rootfs"); err != nil || layers.Merged != want {
			t.Errorf("state %q: %+v, %v; want %s", state, layers, err, want)
		}
		if err := there.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestNative: a snapshotter without an overlay has no layers.
func TestNative(t *testing.T) {
	r := start(t)
	c := r.Run(t, testutil.CtrOptions{Namespace: namespace, Image: r.pause(t, namespace), Snapshotter: "native"})
	layers, err := r.Rootfs(runtimetest.Bounded(t), &target.Info{ID: namespace + "/" + c.ID})
	if diff := cmp.Diff(target.Layers{}, layers); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestEvents: neither what is executed in a container, nor what Docker starts, is told of.
func TestEvents(t *testing.T) {
	r := start(t)
	image, dockers := r.pause(t, namespace), r.pause(t, "moby")
	ctx, cancel := context.WithCancel(t.Context())
	events, err := r.Watch(ctx, target.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	first := r.Run(t, testutil.CtrOptions{Namespace: namespace, Image: image})
	first.Ctr("tasks", "exec", "--detach", "--exec-id", "more", first.ID, "/pause")
	r.Run(t, testutil.CtrOptions{Namespace: "moby", Image: dockers})
	second := r.Run(t, testutil.CtrOptions{Namespace: namespace, Image: image})
	for _, want := range []string{first.ID, second.ID} {
		select {
		case e := <-events:
			if e.Err != nil || e.Ref != (target.Ref{Scheme: "containerd", Name: namespace + "/" + want}) {
				t.Errorf("event %v, want the start of %s", e, want)
			}
		case <-runtimetest.Bounded(t).Done():
			t.Errorf("no start of %s", want)
		}
	}
	cancel()
	if e, ok := <-events; ok {
		t.Errorf("event %v after the end of its context", e)
	}
}

// TestLabelsOfImages: ctr takes a container's labels from its image. Whoever made that does not
// hide it as a pod's sandbox, does not have it called after a pod, and does not end what others
// follow.
func TestLabelsOfImages(t *testing.T) {
	r := start(t)
	const namespace = "dlxa"
	image := r.pause(t, namespace)
	events, err := r.Watch(runtimetest.Bounded(t), target.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	many := map[string]string{}
	for i := range 1100 {
		many[fmt.Sprint("l", i)] = "x"
	}
	r.Run(t, testutil.CtrOptions{Namespace: namespace, Image: image, ID: "many", Labels: many})
	evil := map[string]string{
		"io.cri-containerd.kind": "sandbox", "io.kubernetes.pod.name": "bank", "io.kubernetes.container.name": "vault", "io.kubernetes.pod.uid": "1",
		"nerdctl/name": "bank",
	}
	r.Run(t, testutil.CtrOptions{Namespace: namespace, Image: image, ID: "evil", Labels: evil})
	if e := <-events; e.Err != nil || e.Ref.Name != namespace+"/evil" {
		t.Errorf("event %v, want the start after the one that is not read", e)
	}
	list, err := r.List(runtimetest.Bounded(t), target.Filter{})
	if diff := cmp.Diff([]string{namespace + "/evil"}, runtimetest.IDs(list)); err == nil || diff != "" {
		t.Errorf("%v, want an error about the other one (-want +got):\n%s", err, diff)
	}
	for _, name := range []string{"bank_vault", "bank"} {
		if hits, err := r.Find(runtimetest.Bounded(t), name); len(hits) > 0 {
			t.Errorf("by the name %s: %+v, %v", name, hits, err)
		}
	}
}
