package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/target"
)

// TestGateCapture: a gate is asked about each container once it is verified, before a socket is
// opened in any of them, and told what has become of those that it let through.
func TestGateCapture(t *testing.T) {
	if !alone(t) {
		return
	}
	f, g := newFake(t, "docker"), &recordingGate{}
	web := f.run("web")
	f.run("db")
	e := localOf(t, engine.LocalOptions{Gate: g}, f)
	req := engine.CaptureRequest{Targets: []string{"web", "db"}, Interface: "lo", Filter: marked, SnapLen: 100}
	g.refuses = func(op engine.Operation) error {
		n, err := listening(op.Process)
		if err == nil && n != 0 {
			err = fmt.Errorf("%d sockets are open", n)
		}
		if err == nil && op.Target.Name == "db" {
			err = errNotToday
		}
		return err
	}
	to := newSink()
	_, err := e.Capture(t.Context(), req, to)
	if !errors.Is(err, errNotToday) || !errors.Is(err, fault.Refused) || fault.Of(err).Target != "db" || to.String() != "" {
		t.Errorf("%v, %d bytes", err, len(to.String()))
	}
	grant := &engine.CaptureGrant{Interface: "lo", Filter: marked, SnapLen: 100, Ring: int64(engine.RingSize(req))}
	if diff := cmp.Diff([]string{"web", "db"}, g.about()); diff != "" || cmp.Diff(grant, g.asked[0].Capture) != "" {
		t.Errorf("asked about %+v, %+v (-want +got):\n%s", g.asked, g.asked[0].Capture, diff)
	}
	if p := g.asked[0].Process; p.PID != web.PID || p.Namespaces["net"] == 0 || p.Namespaces["net"] == g.asked[1].Process.Namespaces["net"] {
		t.Errorf("asked about process %+v, want %d", p, web.PID)
	}
	if len(g.told) != 1 || !errors.Is(g.told[0].Err, errNotToday) || g.told[0].Stats == nil {
		t.Errorf("told %+v of the container that it let through, and that nobody captured in", g.told)
	}
	*g = recordingGate{}
	u := begin(t, e, req, newSink())
	web.send(t, "one")
	u.wait("one")
	if list := u.stopped(); len(list) != 1 || u.err != nil {
		t.Errorf("%v, %v", list, u.err)
	}
	if len(g.told) != 2 || g.told[0].Stats.Captured != 1 || g.told[1].Err != nil {
		t.Errorf("told %+v", g.told)
	}
	*g = recordingGate{unaware: true}
	if _, err := e.Capture(t.Context(), req, newSink()); err == nil {
		t.Error("a gate that takes no outcome lets captures through")
	}
	*g = recordingGate{}
	f.before["inspect"] = func(context.Context) error { return fault.New(fault.NotFound, "web", "gone") }
	if _, err := e.Capture(t.Context(), req, newSink()); !errors.Is(err, fault.NotFound) || len(g.asked) > 0 {
		t.Errorf("%v; the gate was asked about %v, which nobody has verified", err, g.about())
	}
}

// TestGateLater: containers that join a capture later are asked about too. One that is refused is
// not captured in, and the others are.
func TestGateLater(t *testing.T) {
	if !alone(t) {
		return
	}
	defer engine.SetRestartWait(never)()
	f, g := newFake(t, "docker"), &recordingGate{}
	web, db := f.run("web"), f.run("db", "tier=back")
	req := engine.CaptureRequest{Targets: []string{"web"}, Labels: []string{"tier=back"}, Filter: marked}
	u := begin(t, localOf(t, engine.LocalOptions{Gate: g}, f), req, newSink())
	g.refuse("web", "queue")
	f.stop(web, target.Exited)
	testutil.Wait(t, "the look at the container that has ended", patience, func() bool { return f.times("find") == 3 })
	f.start(web, nil)
	testutil.Wait(t, "the question about the restart", patience, func() bool { return len(g.about()) == 3 })
	queue := f.run("queue", "tier=back")
	testutil.Wait(t, "the question about the second one", patience, func() bool { return len(g.about()) == 4 })
	web.send(t, "one")
	queue.send(t, "two")
	db.send(t, "three")
	u.wait("three")
	if diff := cmp.Diff([]seen{{"db", "three", ""}}, u.stopped()); diff != "" || !errors.Is(u.err, fault.Refused) || len(u.stats.Restarts) != 0 {
		t.Errorf("%v, restarts %q, packets (-want +got):\n%s", u.err, u.stats.Restarts, diff)
	}
	if diff := cmp.Diff([]string{"web", "db", "web", "queue"}, g.about()); diff != "" || len(g.told) != 2 {
		t.Errorf("told of %d outcomes, asked about (-want +got):\n%s", len(g.told), diff)
	}
}

// TestGateOnce: a gate is asked once about each start of a container, however many ways lead to it:
// its name, its ID, its label, and that it was restarted.
func TestGateOnce(t *testing.T) {
	if !alone(t) {
		return
	}
	defer engine.SetRestartWait(never)()
	f, g := newFake(t, "docker"), &recordingGate{}
	web := f.run("web", "app=web")
	req := engine.CaptureRequest{Targets: []string{"web", web.ID}, Labels: []string{"app=web"}, Filter: marked}
	u := begin(t, localOf(t, engine.LocalOptions{Gate: g}, f), req, newSink())
	web.send(t, "one")
	u.wait("one")
	f.stop(web, target.Exited)
	testutil.Wait(t, "the look at the container that has ended", patience, func() bool { return f.times("find") == 4 })
	asked := f.times("inspect")
	f.start(web, nil)
	testutil.Wait(t, "both to hear of it", patience, func() bool { return f.times("inspect") >= asked+2 })
	u.wait("web was restarted")
	web.send(t, "two")
	u.wait("two")
	comment := ""
	list := u.stopped()
	if len(u.stats.Restarts) == 1 {
		comment = u.stats.Restarts[0]
	}
	if diff := cmp.Diff([]seen{{"web", "one", ""}, {"web", "two", comment}}, list); diff != "" || u.err != nil {
		t.Errorf("%v, packets (-want +got):\n%s", u.err, diff)
	}
	if diff := cmp.Diff([]string{"web", "web"}, g.about()); diff != "" || len(g.told) != 2 {
		t.Errorf("told of %d outcomes, asked about (-want +got):\n%s", len(g.told), diff)
	}
}

// TestGateInterfaces: a gate that refuses shows no interface.
func TestGateInterfaces(t *testing.T) {
	if !alone(t) {
		return
	}
	f, g := newFake(t, "docker"), &recordingGate{}
	web := f.run("web")
	e := localOf(t, engine.LocalOptions{Gate: g}, f)
	g.refuse("web")
	if list, err := e.Interfaces(t.Context(), "web"); list != nil || !errors.Is(err, fault.Refused) || fault.Of(err).Op != "interfaces" {
		t.Errorf("interfaces %v, %v", list, err)
	}
	if len(g.asked) != 1 || g.asked[0].Verb != engine.VerbInterfaces || g.asked[0].Process.PID != web.PID || len(g.told) != 0 {
		t.Errorf("asked %+v, told %+v", g.asked, g.told)
	}
	g.refuse()
	if list, err := e.Interfaces(t.Context(), "web"); len(list) != 1 || !list[0].Loopback || !list[0].Up || err != nil || len(g.told) != 1 {
		t.Errorf("interfaces %+v, %v; told %+v", list, err, g.told)
	}
}
