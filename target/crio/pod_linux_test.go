package crio_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/fault"
	"dlx/target"
	"dlx/target/internal/critest"
	"dlx/target/internal/grpctest"
	"dlx/target/runtimetest"
)

// TestPod follows a container of a pod through its life, on containerd's server: it is called by
// pod and name, held by its process, awaited while its pod lives, and followed to what is made in
// its place.
func TestPod(t *testing.T) {
	k := critest.Start(t)
	pod := k.Pod("shop", "uid-1")
	web, side := pod.Container(critest.ContainerOptions{Name: "web"}), pod.Container(critest.ContainerOptions{Name: "side"})
	r := open(t, k.Socket)
	set := target.NewSet(r)

	names := map[string]string{}
	all, err := r.List(runtimetest.Bounded(t), target.Filter{All: true, PIDs: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		names[c.ID] = c.Name
		if c.PID != k.PID(c.ID) || c.PID == 0 {
			t.Errorf("%s has process %d, want %d", c.Name, c.PID, k.PID(c.ID))
		}
	}
	if diff := cmp.Diff(map[string]string{web: "shop_web", side: "shop_side"}, names); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
	if hits, err := r.Find(runtimetest.Bounded(t), "shop"); err != nil || len(hits) != 2 {
		t.Errorf("shop: %v, %v", runtimetest.IDs(hits), err)
	}
	if c, err := set.Resolve(runtimetest.Bounded(t), "crio://"+side[:12]); err != nil || c.ID != side {
		t.Errorf("by the beginning of an ID: %+v, %v", c, err)
	}

	held, err := set.Open(runtimetest.Bounded(t), "shop_web")
	if err != nil {
		t.Fatal(err)
	}
	if held.Cgroup != "/k8s.io/"+web || held.PID != k.PID(web) {
		t.Errorf("held %+v", held.Info)
	}
	was := held.Info
	if err := held.Close(); err != nil {
		t.Error(err)
	}
	events, err := set.WatchFor(runtimetest.Bounded(t), &was)
	if err != nil {
		t.Fatal(err)
	}
	pod.Stop(web)
	if c, err := r.Inspect(runtimetest.Bounded(t), web); err != nil || c.State != target.Exited || c.PID != 0 || !c.Awaited {
		t.Errorf("stopped: %+v, %v; want it awaited", c, err)
	}
	if _, err := set.Open(runtimetest.Bounded(t), "shop_web"); !errors.Is(err, fault.NotRunning) {
		t.Errorf("stopped: %v, want fault.NotRunning", err)
	}
	if _, err := set.Still(runtimetest.Bounded(t), "shop_web"); !errors.Is(err, fault.NoStill) {
		t.Errorf("its files: %v, want fault.NoStill", err)
	}
	pod.Container(critest.ContainerOptions{Name: "other"}) // which is not the one
	again := pod.Container(critest.ContainerOptions{Name: "web", Attempt: 1})
	if e := next(t, events); e.Err != nil || e.Ref != (target.Ref{Scheme: "crio", Name: again}) {
		t.Errorf("event %v, want the start of %s", e, again)
	}
	if ref, err := set.Successor(runtimetest.Bounded(t), &was); err != nil || ref.Name != again {
		t.Errorf("its place is that of %v, %v; want %s", ref, err, again)
	}
	if c, err := set.Resolve(runtimetest.Bounded(t), "shop_web"); err != nil || c.ID != again {
		t.Errorf("its name means %+v, %v; want %s", c, err, again)
	}

	k.Ask("StopPodSandbox", grpctest.Message(pod.ID))
	if c, err := r.Inspect(runtimetest.Bounded(t), again); err != nil || c.State != target.Exited || c.Awaited {
		t.Errorf("with its pod: %+v, %v; want it not awaited", c, err)
	}
	pod.Remove()
	if _, err := r.Inspect(runtimetest.Bounded(t), again); !errors.Is(err, fault.NotFound) {
		t.Errorf("removed: %v", err)
	}
}
