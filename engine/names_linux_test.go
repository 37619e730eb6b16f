package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"dlx/engine"
	"dlx/internal/testutil"
)

// TestNames: the names of addresses are asked for when the capture is on. A runtime that is slow to
// answer, or fails, holds up neither its begin nor its end.
func TestNames(t *testing.T) {
	if !alone(t) {
		return
	}
	f := newFake(t, "docker")
	web, peer := f.run("web"), f.run("peer")
	peer.Addresses = addresses("127.0.0.2")
	goOn := make(chan struct{})
	f.before["list"] = func(ctx context.Context) error {
		select {
		case <-goOn:
			return errors.New("there may be more")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	e := localOf(t, engine.LocalOptions{}, f)
	u := begin(t, e, of("web"), newSink())
	web.send(t, "one")
	u.wait("one")
	close(goOn)
	testutil.Wait(t, "the late name", patience, func() bool {
		if err := web.enter(func() error { return sendTo("127.0.0.2:9", "two") }); err != nil {
			t.Error(err)
		}
		return strings.Contains(u.to.String(), "peer")
	})
	u.stopped()
	if u.err != nil || f.times("list") != 1 {
		t.Errorf("%v; the runtime was asked %d times", u.err, f.times("list"))
	}
	u = begin(t, e, engine.CaptureRequest{Targets: []string{"web"}, NoNames: true, Filter: marked}, newSink())
	u.stopped()
	if u.err != nil || f.times("list") != 1 {
		t.Errorf("%v; the runtime was asked for names that nobody wants", u.err)
	}
	goOn = make(chan struct{})
	u = begin(t, e, of("web"), newSink())
	u.stopped()
	if u.err != nil {
		t.Error(u.err)
	}
}

// TestSilentOther: a runtime that does not answer holds nobody up who names another's container.
func TestSilentOther(t *testing.T) {
	if !alone(t) {
		return
	}
	f, silent := newFake(t, "docker"), newFake(t, "podman")
	for _, what := range []string{"list", "find", "inspect", "watch", "watch one", "health"} {
		silent.before[what] = hang
	}
	web := f.run("web")
	e := localOf(t, engine.LocalOptions{}, f, silent)
	u := begin(t, e, of("docker://web"), newSink())
	web.send(t, "one")
	u.wait("one")
	if list := u.stopped(); len(list) != 1 || u.err != nil {
		t.Errorf("%v, %v", list, u.err)
	}
	if list, err := e.Interfaces(t.Context(), "docker://web"); len(list) != 1 || err != nil {
		t.Errorf("interfaces %v, %v", list, err)
	}
	silent.mu.Lock()
	defer silent.mu.Unlock()
	if slices.Contains(silent.asked, "find") || slices.Contains(silent.asked, "inspect") {
		t.Errorf("it was asked %v", silent.asked)
	}
}
