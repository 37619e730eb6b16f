package crio_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"dlx/target"
	"dlx/target/internal/grpctest"
	"dlx/target/runtimetest"
)

// patient is so long that no look comes of it in a test.
const patient = time.Hour

// started is a ContainerEventResponse.
func started(id string) []byte { return grpctest.Message(id, 1) }

func listing(all ...told) (m []byte) {
	for i := range all {
		m = append(m, grpctest.Several(all[i].listed())...)
	}
	return m
}

func next(t *testing.T, events <-chan target.Event) target.Event {
	t.Helper()
	select {
	case e, ok := <-events:
		if !ok {
			t.Error("there are no more events")
		}
		return e
	case <-runtimetest.Bounded(t).Done():
		t.Fatal("no event")
		return target.Event{}
	}
}

// TestWatchPolled: without events, as CRI-O is by its default, which ends them at once, and as old
// servers are, which know none, the lists tell of the starts: of what has the label and did not run
// before, once.
func TestWatchPolled(t *testing.T) {
	for name, status := range map[string]string{"ended": "0", "unimplemented": "12", "refused": "16"} {
		web := told{id: id(1), pod: "shop", name: "web", state: created, labels: map[string]string{"app": "web"}}
		db, old := told{id: id(2), pod: "shop", name: "db", state: created}, told{id: id(3), pod: "shop", name: "old", state: running, labels: web.labels}
		s := grpctest.Serve(t, map[string][][]byte{list: {listing(web, db, old)}, events: {}})
		s.Status = map[string]string{events: status}
		r := open(t, s.Socket)
		r.Pace(time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		got, err := r.Watch(ctx, target.Filter{Labels: []string{"app=web"}})
		if err != nil {
			t.Fatal(err)
		}
		web.state, db.state = running, running
		s.Set(list, listing(web, db, old))
		if e := next(t, got); e.Err != nil || e.Ref.Name != id(1) {
			t.Errorf("%s: event %v", name, e)
		}
		again := told{id: id(4), pod: "shop", name: "web", state: running, labels: web.labels}
		web.state = unknown
		s.Set(list, listing(web, db, old, again))
		if e := next(t, got); e.Err != nil || e.Ref.Name != id(4) {
			t.Errorf("%s: event %v, want the start of what takes its place", name, e)
		}
		web.state = running
		last := told{id: id(5), pod: "shop", name: "web", state: running, labels: web.labels}
		s.Set(list, listing(web, db, old, again, last))
		if e := next(t, got); e.Err != nil || e.Ref.Name != id(5) {
			t.Errorf("%s: event %v, want no start of what only was unknown", name, e)
		}
		s.Set(list, listing(web, db, old, again), listing()) // two messages are no answer
		if e := next(t, got); e.Err == nil || !strings.Contains(e.Err.Error(), "more than one message") {
			t.Errorf("%s: event %v of nonsense", name, e)
		}
		if e, ok := <-got; ok {
			t.Errorf("%s: event %v after the last", name, e)
		}
		cancel()
	}
}

// TestWatchEvents: an event has it look at once.
func TestWatchEvents(t *testing.T) {
	web := told{id: id(1), pod: "shop", name: "web", state: created}
	s := grpctest.Serve(t, map[string][][]byte{list: {listing(web)}, events: {grpctest.Message(id(1), 0), []byte("\xff"), started(id(1))}})
	s.Hangs = events
	s.Gate = make(chan struct{})
	r := open(t, s.Socket)
	r.Pace(patient)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got, err := r.Watch(ctx, target.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	web.state = running
	s.Set(list, listing(web))
	close(s.Gate)
	if e := next(t, got); e.Err != nil || e.Ref.Name != id(1) {
		t.Errorf("event %v", e)
	}
	cancel()
	if e, ok := <-got; ok {
		t.Errorf("event %v after the end of its context", e)
	}
}

// TestWatchSlow: who takes no events holds up no runtime, which would send others theirs no more.
// The messages are more than fit between the two (4 MiB in net/http).
func TestWatchSlow(t *testing.T) {
	web := told{id: id(1), pod: "shop", name: "web", state: created}
	large := grpctest.Message(id(1), 1, nil, strings.Repeat("x", 1<<20))
	s := grpctest.Serve(t, map[string][][]byte{list: {listing(web)}, events: slices.Repeat([][]byte{large}, 32)})
	s.Hangs = events
	s.Gate = make(chan struct{})
	r := open(t, s.Socket)
	r.Pace(patient)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got, err := r.Watch(ctx, target.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	web.state = running
	s.Set(list, listing(web))
	close(s.Gate)
	select {
	case <-s.Hung: // all is sent
	case <-runtimetest.Bounded(t).Done():
		t.Error("the runtime waits for who takes no events")
	}
	if e := next(t, got); e.Err != nil || e.Ref.Name != id(1) {
		t.Errorf("event %v", e)
	}
}

// TestWatchUnread: a container whose image has more labels than are read ends nothing that others
// follow, and one that can not be asked for is not told of.
func TestWatchUnread(t *testing.T) {
	many := grpctest.With(grpctest.Message(id(9)), 8, labels()...)
	web := told{id: id(1), pod: "shop", name: "web", state: running}
	evil := told{id: "..", pod: "shop", name: "evil", state: running}
	s := grpctest.Serve(t, map[string][][]byte{list: {grpctest.Several(many)}})
	r := open(t, s.Socket)
	r.Pace(time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got, err := r.Watch(ctx, target.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	s.Set(list, append(grpctest.Several(many), listing(evil, web)...))
	if e := next(t, got); e.Err != nil || e.Ref.Name != id(1) {
		t.Errorf("event %v", e)
	}
}

// TestSilentEvents: events that never begin hold nobody up.
func TestSilentEvents(t *testing.T) {
	s := grpctest.Serve(t, map[string][][]byte{list: {nil}})
	s.Hangs = events
	r := open(t, s.Socket)
	ctx, cancel := context.WithCancel(t.Context())
	got, err := r.Watch(ctx, target.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	<-s.Hung
	cancel()
	if e, ok := <-got; ok {
		t.Errorf("event %v", e)
	}
	if _, err := r.Watch(ctx, target.Filter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up: %v", err)
	}
}
