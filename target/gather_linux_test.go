package target_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"dlx/fault"
	"dlx/target"
)

// slow is a runtime that takes its time for each answer, or until nobody waits any longer.
type slow struct {
	*fake
	time time.Duration
}

func (s *slow) wait(ctx context.Context) error {
	select {
	case <-time.After(s.time):
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *slow) List(ctx context.Context, f target.Filter) ([]target.Info, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.fake.List(ctx, f)
}

func (s *slow) Find(ctx context.Context, name string) ([]target.Info, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.fake.Find(ctx, name)
}

func (s *slow) Watch(ctx context.Context, f target.Filter) (<-chan target.Event, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.fake.Watch(ctx, f)
}

// TestSilent: a runtime that hangs costs the others nothing, and is named.
func TestSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hanging := &slow{newFake("podman", "web-2"), time.Hour}
		set := target.NewSet(newFake("docker", "web"), hanging)
		start := time.Now()
		list, err := set.List(t.Context(), target.Filter{})
		if len(list) != 1 || !errors.Is(err, fault.RuntimeSilent) || fault.Of(err).Target != "podman" {
			t.Errorf("the list is %v beside %v", list, err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v", took)
		}
		if c, err := set.Resolve(t.Context(), "web"); err != nil || c.Runtime != "docker" {
			t.Errorf("a whole name: %v, %v", c, err)
		}
		for _, name := range []string{"we", "web-2", "no-such"} {
			if c, err := set.Resolve(t.Context(), name); !errors.Is(err, fault.RuntimeSilent) {
				t.Errorf("%s, which the silent one may have: %v, %v", name, c, err)
			}
		}
		if err := set.Close(); err != nil { // which waits for the questions that were given up
			t.Error(err)
		}
	})
}

// TestPartial: what a runtime lists beside an error is listed.
func TestPartial(t *testing.T) {
	broken := newFake("podman", "cache")
	broken.err = errors.New("one can not be read")
	list, err := target.NewSet(newFake("docker", "web"), broken).List(t.Context(), target.Filter{})
	if len(list) != 2 || !errors.Is(err, broken.err) {
		t.Errorf("the list is %v beside %v", list, err)
	}
}

// TestSlow: who is alone has the time that it takes, and so has one beside others that are not
// there.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := &slow{newFake("docker", "web"), 10 * time.Second}
		absent := newFake("podman")
		absent.err = fault.New(fault.NoRuntime, "", "no Podman")
		set := target.NewSet(busy, absent)
		if list, err := set.List(t.Context(), target.Filter{}); len(list) != 1 || err != nil {
			t.Errorf("the list is %v beside %v", list, err)
		}
		busy.time, busy.err = 0, fault.New(fault.NoRuntime, "", "no Docker")
		if list, err := set.List(t.Context(), target.Filter{}); len(list) != 0 || !errors.Is(err, fault.NoRuntime) {
			t.Errorf("with nobody there the list is %v beside %v", list, err)
		}
	})
}

// TestWatchSlow: what a silent runtime starts is told of once it has answered.
func TestWatchSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy, quick := &slow{newFake("docker"), time.Minute}, newFake("podman")
		set := target.NewSet(busy, quick)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		start := time.Now()
		events, err := set.Watch(ctx, target.Filter{})
		if took := time.Since(start); err != nil || took != time.Second {
			t.Fatalf("watch: %v after %v", err, took)
		}
		for _, f := range []*fake{quick, busy.fake} {
			f.events <- target.Event{Ref: target.Ref{Scheme: f.scheme, Name: "1"}}
			if e := <-events; e.Ref.Scheme != f.scheme {
				t.Errorf("event %v, want one of %s", e, f.scheme)
			}
		}
		cancel()
		if e, ok := <-events; ok {
			t.Errorf("event %v after the end", e)
		}
	})
}
