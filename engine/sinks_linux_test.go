package engine_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
)

func addresses(list ...string) (all []netip.Addr) {
	for _, a := range list {
		all = append(all, netip.MustParseAddr(a))
	}
	return all
}

// TestSlowSink: what was sent while a sink is slow waits for it: all of it is captured although its
// container ends meanwhile, or the capture does.
func TestSlowSink(t *testing.T) {
	if !alone(t) {
		return
	}
	for _, ends := range []string{"container", "capture"} {
		f := newFake(t, "docker")
		web, db := f.run("web", "app"), f.run("db", "app")
		to := newSink()
		to.stalled = make(chan struct{})
		req := engine.CaptureRequest{Labels: []string{"app"}, Filter: marked}
		u := begin(t, localOf(t, engine.LocalOptions{}, f), req, to)
		var words []string
		for i := range 1000 {
			words = append(words, fmt.Sprint(i))
		}
		// All at once: the kernel hands over a block of the ring after the latency, full or not.
		web.send(t, words[:500]...)
		testutil.Wait(t, "a packet to come to the sink", patience, func() bool { return to.stalls() })
		web.send(t, words[500:]...)
		if ends == "container" {
			f.stop(web, "")
			testutil.Wait(t, "the container to be given up", patience, func() bool { return f.times("watch one") == 1 })
			db.send(t, "last")
			close(to.stalled)
			u.wait("last")
			u.stop()
		} else {
			u.stop()
			close(to.stalled)
		}
		n := 0
		for _, p := range u.ended() {
			if p.Text == fmt.Sprint(n) && p.Container == "web" {
				n++
			}
		}
		if n != len(words) || u.err != nil || u.stats.Dropped != 0 {
			t.Errorf("the %s ends: %d packets in their order, %v, %+v", ends, n, u.err, u.stats)
		}
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
