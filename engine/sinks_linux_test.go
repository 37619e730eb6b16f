package engine_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"dlx/engine"
	"dlx/fault"
)

func addresses(list ...string) (all []netip.Addr) {
	for _, a := range list {
		all = append(all, netip.MustParseAddr(a))
	}
	return all
}

// TestSlowSink: what is sent while a sink is slow, and before the container's end, waits for it.
func TestSlowSink(t *testing.T) {
	if !alone(t) {
		return
	}
	f := newFake(t, "docker")
	web := f.run("web")
	to := newSink()
	to.stalled = make(chan struct{})
	u := begin(t, localOf(t, engine.LocalOptions{}, f), of("web"), to)
	const sent = 500
	for i := range sent {
		web.send(t, fmt.Sprint(i))
	}
	f.stop(web, "")
	select {
	case <-u.done:
		t.Errorf("the capture does not wait for its sink: %v", u.err)
	default:
	}
	close(to.stalled)
	list := u.ended()
	for i, p := range list {
		if p.Text != fmt.Sprint(i) {
			t.Fatalf("packet %d is %+v", i, p)
		}
	}
	if len(list) != sent || u.err != nil || u.stats.Captured != sent || u.stats.Dropped != 0 || !u.stats.TargetEnded {
		t.Errorf("%d packets, %v, %+v", len(list), u.err, u.stats)
	}
}

// TestFailingSink: a sink that fails ends the capture by its own error, whenever it does, although
// the containers go on.
func TestFailingSink(t *testing.T) {
	if !alone(t) {
		return
	}
	full := errors.New("no space left")
	for _, when := range []string{"begin", "blocks"} {
		f := newFake(t, "docker")
		web := f.run("web")
		to := newSink()
		if when == "begin" {
			to.refusal = full
		} else {
			to.failure = full
		}
		u := begin(t, localOf(t, engine.LocalOptions{}, f), of("web"), to)
		web.send(t, "one")
		u.ended()
		if !errors.Is(u.err, full) || !errors.Is(u.err, fault.Internal) || u.stats.TargetEnded {
			t.Errorf("%s: %v, %+v", when, u.err, u.stats)
		}
		if when == "begin" && to.calls > 0 {
			t.Errorf("a sink that refuses gets %d blocks", to.calls)
		}
	}
}
