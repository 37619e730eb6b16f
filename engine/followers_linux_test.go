package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/engine"
	"dlx/fault"
)

// TestShared: a namespace that containers share is captured once, for as long as one of them runs,
// whichever came first.
func TestShared(t *testing.T) {
	if !alone(t) {
		return
	}
	defer engine.SetRestartWait(never)()
	for _, first := range []string{"web", "side"} {
		f := newFake(t, "docker")
		web, side := f.run("web"), f.add("side", "app=side")
		f.start(side, web)
		e := localOf(t, engine.LocalOptions{}, f)
		u := begin(t, e, of("web", "side"), newSink())
		web.send(t, "one")
		u.wait("one")
		last := side
		if first == "side" {
			last = web
			f.stop(side, "")
		} else {
			f.stop(web, "")
		}
		last.send(t, "two")
		u.wait("two")
		f.stop(last, "")
		want := []seen{{"web+side", "one", ""}, {"web+side", "two", ""}}
		if diff := cmp.Diff(want, u.ended()); diff != "" || u.err != nil || !u.stats.TargetEnded {
			t.Errorf("%s ends first: %v, %+v, packets (-want +got):\n%s", first, u.err, u.stats, diff)
		}
	}
}

// TestSharedLater: a container that is found by its label beside another one, in whose namespace it
// is, keeps that captured.
func TestSharedLater(t *testing.T) {
	if !alone(t) {
		return
	}
	f := newFake(t, "docker")
	web, side := f.run("web"), f.add("side", "app=side")
	f.start(side, web)
	req := engine.CaptureRequest{Targets: []string{"web"}, Labels: []string{"app=side"}, Filter: marked}
	u := begin(t, localOf(t, engine.LocalOptions{}, f), req, newSink())
	web.send(t, "one")
	u.wait("one")
	f.stop(web, "")
	side.send(t, "two")
	u.wait("two")
	if diff := cmp.Diff([]seen{{"web", "one", ""}, {"web", "two", ""}}, u.stopped()); diff != "" || u.err != nil || u.stats.TargetEnded {
		t.Errorf("%v, %+v, packets (-want +got):\n%s", u.err, u.stats, diff)
	}
}

// TestChanged: a target that is not verified, which happens beside the opening of the rings, is an
// error, and nothing of it or of the others is shown.
func TestChanged(t *testing.T) {
	if !alone(t) {
		return
	}
	f := newFake(t, "docker")
	f.run("web")
	f.run("other")
	e := localOf(t, engine.LocalOptions{}, f)
	f.before["inspect"] = func(context.Context) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.there[0].Started = f.there[0].Started.Add(time.Second)
		return nil
	}
	for _, targets := range [][]string{{"web"}, {"web", "other"}, {"other", "web"}} {
		to := newSink()
		_, err := e.Capture(t.Context(), of(targets...), to)
		select {
		case <-to.began:
			t.Errorf("%v: the sink has begun", targets)
		default:
		}
		if !errors.Is(err, fault.Changed) || fault.Of(err).Target != "web" || to.String() != "" {
			t.Errorf("%v: %v, %d bytes", targets, err, len(to.String()))
		}
	}
}
