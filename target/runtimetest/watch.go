//go:build linux

package runtimetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dlx/fault"
	"dlx/target"
)

// rootfs compares the host directories of a container's files with what its process sees.
func (s *Suite) rootfs(t *testing.T) {
	r := s.open(t, s.Socket)
	c := s.Run(t, Options{})
	layers := func() target.Layers {
		t.Helper()
		info, err := r.Inspect(Bounded(t), c.ID())
		if err != nil {
			t.Fatal(err)
		}
		l, err := r.Rootfs(Bounded(t), info)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	if s.NoRootfs {
		if l := layers(); l.Merged != "" || l.Upper != "" {
			t.Errorf("%+v, want none", l)
		}
		return
	}
	merged := layers().Merged
	if merged == "" {
		t.Skip("the runtime names no directory")
	}
	if !os.SameFile(rootOf(t, merged), rootOf(t, fmt.Sprintf("/proc/%d/root", c.PID()))) {
		t.Errorf("%s is not the root of the container's process", merged)
	}
	mark := filepath.Join(merged, "mark")
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Stop()
	if upper := layers().Upper; upper != "" {
		if _, err := os.Stat(filepath.Join(upper, "mark")); err != nil {
			t.Errorf("what the container wrote is not in the upper directory of the stopped one: %v", err)
		}
	}
}

// watch checks that starts are told of, those alone that were asked for, and until the context
// ends.
func (s *Suite) watch(t *testing.T) {
	r := s.open(t, s.Socket)
	web := s.Run(t, Options{NoStart: true, Labels: map[string]string{"dlx.test": "watch", "app": "web"}})
	db := s.Run(t, Options{NoStart: true, Labels: map[string]string{"dlx.test": "watch", "app": "db"}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watch := func(f target.Filter) <-chan target.Event {
		t.Helper()
		events, err := r.Watch(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		return events
	}
	byID, byLabel := watch(s.itself(t, r, db)), watch(target.Filter{Labels: []string{"dlx.test=watch", "app=web"}})
	for range 2 {
		web.Start()
		db.Start()
		next(t, byLabel, ref(r, web))
		next(t, byID, ref(r, db))
		web.Stop()
		db.Stop()
	}
	cancel()
	for _, events := range []<-chan target.Event{byID, byLabel} {
		if e, ok := <-events; ok {
			t.Errorf("event %v after the end of its context", e)
		}
	}
}

// itself lets through a container's next starts, or those of what takes its place.
func (s *Suite) itself(t *testing.T, r target.Runtime, c Container) target.Filter {
	t.Helper()
	info, err := r.Inspect(Bounded(t), c.ID())
	if err != nil {
		t.Fatal(err)
	}
	if info.Place != "" {
		return target.Filter{Place: info.Place}
	}
	return target.Filter{ID: c.ID()}
}

func next(t *testing.T, events <-chan target.Event, want target.Ref) {
	t.Helper()
	select {
	case e, ok := <-events:
		if !ok || e.Err != nil || e.Ref != want {
			t.Errorf("event %v (%v), want the start of %v", e, ok, want)
		}
	case <-Bounded(t).Done():
		t.Errorf("no start of %v", want)
	}
}

// silent checks that a runtime which takes connections and says nothing holds nobody up. Who gives
// up is let go, and ends no other's wait.
func (s *Suite) silent(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "runtime.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	r := s.Open(t, socket)
	ctx, cancel := context.WithCancel(t.Context())
	patient, stop := context.WithCancel(t.Context())
	waits := make(chan error, 1)
	go func() {
		_, err := r.List(patient, target.Filter{})
		waits <- err
	}()
	cancel()
	for what, ask := range map[string]func() error{
		"list":    func() error { _, err := r.List(ctx, target.Filter{PIDs: true}); return err },
		"find":    func() error { _, err := r.Find(ctx, "web"); return err },
		"inspect": func() error { _, err := r.Inspect(ctx, strings.Repeat("0a", 32)); return err },
		"watch":   func() error { _, err := r.Watch(ctx, target.Filter{}); return err },
		"health":  func() error { _, err := r.Health(ctx); return err },
	} {
		if err := ask(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want the end of its context", what, err)
		}
	}
	select {
	case err := <-waits:
		t.Errorf("who has not given up: %v", err)
	default:
	}
	stop()
	if err := <-waits; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up later: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// absent checks that a runtime which is not there is said so, by each question.
func (s *Suite) absent(t *testing.T) {
	r := s.open(t, filepath.Join(t.TempDir(), "no.sock"))
	if _, err := r.List(Bounded(t), target.Filter{}); !errors.Is(err, fault.NoRuntime) {
		t.Errorf("list: %v, want fault.NoRuntime", err)
	}
	if _, err := r.Find(Bounded(t), "web"); !errors.Is(err, fault.NoRuntime) {
		t.Errorf("find: %v, want fault.NoRuntime", err)
	}
	if _, err := r.Health(Bounded(t)); !errors.Is(err, fault.NoRuntime) {
		t.Errorf("health: %v, want fault.NoRuntime", err)
	}
}

// ref names a container of a runtime.
func ref(r target.Runtime, c Container) target.Ref {
	info := target.Info{Runtime: r.Scheme(), ID: c.ID(), Owner: r.Owner()}
	return info.Ref()
}
