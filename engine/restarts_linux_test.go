package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/target"
)

// never is longer than any test takes: who waits for so long waits for something else.
const never = time.Hour

// TestRestart: a capture goes on in the namespace of a container's next start and says so, whether
// it is seen to start or had started before anybody looked, and ends when the container is gone.
func TestRestart(t *testing.T) {
	if !alone(t) {
		return
	}
	defer engine.SetRestartWait(never)()
	for _, told := range []bool{true, false} {
		f := newFake(t, "docker")
		web := f.run("web")
		if !told {
			f.before["watch one"] = func(context.Context) error {
				f.start(web, nil)
				f.mu.Lock()
				defer f.mu.Unlock()
				delete(f.before, "watch one")
				return nil
			}
		}
		u := begin(t, localOf(t, engine.LocalOptions{}, f), of("web"), newSink())
		web.send(t, "one")
		u.wait("one")
		f.stop(web, target.Exited)
		if told {
			testutil.Wait(t, "the look at the container that has ended", patience, func() bool { return f.times("find") == 2 })
			f.start(web, nil)
		}
		u.wait("web was restarted")
		web.send(t, "two", "three")
		u.wait("three")
		f.stop(web, "")
		list := u.ended()
		comment := strings.Join(u.stats.Restarts, "+")
		want := []seen{{"web", "one", ""}, {"web", "two", comment}, {"web", "three", ""}}
		if diff := cmp.Diff(want, list); diff != "" || !strings.HasPrefix(comment, "web was restarted: nothing was captured for ") {
			t.Errorf("told of the start: %t; packets (-want +got):\n%s", told, diff)
		}
		if u.err != nil || !u.stats.TargetEnded || u.stats.Captured != 3 {
			t.Errorf("told of the start: %t; the end is %v, %+v", told, u.err, u.stats)
		}
	}
}

// TestRestarting: a container that its runtime is about to start again is waited for, for however
// long that takes, and seen to start whenever it does. Another one that has ended is not.
func TestRestarting(t *testing.T) {
	if !alone(t) {
		return
	}
	defer engine.SetRestartWait(time.Millisecond)()
	f := newFake(t, "docker")
	web := f.run("web")
	u := begin(t, localOf(t, engine.LocalOptions{}, f), of("web"), newSink())
	f.stop(web, target.Restarting)
	asked := f.times("inspect")
	testutil.Wait(t, "several looks at the container", patience, func() bool { return f.times("inspect") > asked+5 })
	f.mu.Lock()
	f.before["inspect"] = func(context.Context) error { // between two questions
		f.mu.Lock()
		delete(f.before, "inspect")
		f.mu.Unlock()
		f.start(web, nil)
		return nil
	}
	f.mu.Unlock()
	u.wait("web was restarted")
	web.send(t, "two")
	u.wait("two")
	f.stop(web, target.Exited)
	if list := u.ended(); len(list) != 1 || u.err != nil || !u.stats.TargetEnded || len(u.stats.Restarts) != 1 {
		t.Errorf("%v, %v, %+v", list, u.err, u.stats)
	}
}

// TestNoRestart: what ends the wait for a container's next start, and which error it is.
func TestNoRestart(t *testing.T) {
	if !alone(t) {
		return
	}
	defer engine.SetRestartWait(never)()
	broken := errors.New("it does not answer")
	for name, want := range map[string]error{"gone": nil, "no events": broken, "no more events": broken, "no answer": nil} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, "docker")
			web := f.run("web")
			u := begin(t, localOf(t, engine.LocalOptions{}, f), of("web"), newSink())
			state := target.Exited
			fails := func(context.Context) error { return broken }
			f.mu.Lock()
			switch name {
			case "gone":
				state = ""
			case "no events":
				f.before["watch one"] = fails
			case "no answer":
				f.before["find"] = fails
			}
			f.mu.Unlock()
			f.stop(web, state)
			if name == "no more events" {
				testutil.Wait(t, "a look at the container", patience, func() bool { return f.times("find") == 2 })
				f.breakWatches(broken)
			}
			u.ended()
			if !errors.Is(u.err, want) || !u.stats.TargetEnded || len(u.stats.Restarts) != 0 {
				t.Errorf("the end is %v, want %v; %+v", u.err, want, u.stats)
			}
			if want != nil && (fault.Of(u.err) == nil || fault.Of(u.err).Op != "capture") {
				t.Errorf("%#v does not say what failed", u.err)
			}
		})
	}
}
