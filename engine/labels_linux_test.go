package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/target"
)

// TestLabels: a capture by labels takes in who has all of them, those to come included, passes over
// who has ended meanwhile, and outlives each of them. That events end is its end.
func TestLabels(t *testing.T) {
	if !alone(t) {
		return
	}
	f := newFake(t, "docker")
	there, gone := f.run("there", "app=web", "tier"), f.run("gone", "app=web", "tier")
	other := f.run("other", "app=web")
	f.before["list"] = func(context.Context) error { // and the list has it all the same
		end(gone.cmd)
		return nil
	}
	req := engine.CaptureRequest{Labels: []string{"app=web", "tier"}, NoNames: true, Filter: marked}
	u := begin(t, localOf(t, engine.LocalOptions{}, f), req, newSink())
	other.send(t, "nothing")
	there.send(t, "one")
	u.wait("one")
	f.stop(there, "")
	f.run("other-later", "app=db", "tier")
	later := f.run("later", "app=web", "tier")
	u.wait("later")
	later.send(t, "two")
	u.wait("two")
	broken := errors.New("no more events")
	f.breakWatches(broken)
	if diff := cmp.Diff([]seen{{"there", "one", ""}, {"later", "two", ""}}, u.ended()); diff != "" {
		t.Errorf("packets (-want +got):\n%s", diff)
	}
	if !errors.Is(u.err, broken) || u.stats.TargetEnded {
		t.Errorf("the end is %v, %+v", u.err, u.stats)
	}
}

// TestLabelsRefused: a runtime that does not tell of starts, or of who is there, has no capture by
// labels begin.
func TestLabelsRefused(t *testing.T) {
	if !alone(t) {
		return
	}
	broken := errors.New("it does not answer")
	for _, question := range []string{"watch", "list", "find"} {
		f := newFake(t, "docker")
		f.run("web", "app=web")
		f.before[question] = func(context.Context) error { return broken }
		to := newSink()
		_, err := localOf(t, engine.LocalOptions{}, f).Capture(t.Context(), engine.CaptureRequest{Labels: []string{"app=web"}}, to)
		if !errors.Is(err, broken) || !errors.Is(err, fault.Internal) || to.String() != "" {
			t.Errorf("%s fails: %v, %d bytes", question, err, len(to.String()))
		}
	}
}

// TestLabelsRestart: the restart of a container that was found by its label is told of, whoever
// hears of it first: who waits for all that have the label, or who waits for this one.
func TestLabelsRestart(t *testing.T) {
	if !alone(t) {
		return
	}
	defer engine.SetRestartWait(never)()
	for _, first := range []string{"label", "container"} {
		f := newFake(t, "docker")
		web := f.run("web", "app=web")
		waits, goOn := make(chan struct{}), make(chan struct{})
		hold := func(ctx context.Context) error {
			close(waits)
			select {
			case <-goOn:
			case <-ctx.Done():
			}
			return nil
		}
		if first == "label" {
			f.before["watch one"] = hold
		}
		u := begin(t, localOf(t, engine.LocalOptions{}, f), engine.CaptureRequest{Labels: []string{"app=web"}, Filter: marked}, newSink())
		web.send(t, "one")
		u.wait("one")
		f.stop(web, target.Exited)
		if first == "label" {
			<-waits
			f.start(web, nil)
			u.wait("web was restarted")
			web.send(t, "two")
			u.wait("two")
			close(goOn)
			testutil.Wait(t, "the other one to hear of it", patience, func() bool { return f.times("inspect") == 3 })
		} else {
			testutil.Wait(t, "the look at the container that has ended", patience, func() bool { return f.times("find") == 2 })
			f.start(web, nil)
			u.wait("web was restarted")
			web.send(t, "two")
			u.wait("two")
		}
		list := u.stopped()
		comment := strings.Join(u.stats.Restarts, "+")
		if diff := cmp.Diff([]seen{{"web", "one", ""}, {"web", "two", comment}}, list); diff != "" || u.err != nil {
			t.Errorf("%s first: %v, packets (-want +got):\n%s", first, u.err, diff)
		}
		if len(u.stats.Restarts) != 1 {
			t.Errorf("%s first: restarts %q", first, u.stats.Restarts)
		}
	}
}
