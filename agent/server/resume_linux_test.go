package server_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dlx/agent/captures"
	"dlx/agent/identity"
	"dlx/agent/server"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
)

// restart stops a server's agent, and has another one go on with its captures.
func (k *kept) restart(t *testing.T, f *fake) *kept {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := k.server.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	next := keep(t, k.dir, f)
	next.server.ResumeCaptures(nil)
	return next
}

// settled is a capture that has ended.
func (k *kept) settled(t *testing.T, id string) (i captures.Info) {
	t.Helper()
	testutil.Wait(t, "the capture's end", limit, func() bool {
		i = k.store.Find(id).Info()
		return !i.Running()
	})
	return i
}

// TestRestart: a capture goes on with the next agent, in a further section, with what is left of
// its limits, and the gap is told.
func TestRestart(t *testing.T) {
	k := keep(t, capturesDir(t), steady(3))
	req := web
	req.Count, req.Filter = 10, "port 80"
	i, err := k.DetachCapture(t.Context(), req, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	testutil.Wait(t, "packets", limit, func() bool { return k.store.Find(i.ID).Info().Packets == 3 })
	asked := make(chan engine.CaptureRequest, 1)
	second := &fake{request: func(ctx context.Context, req engine.CaptureRequest, to engine.Sink) (engine.CaptureStats, error) {
		asked <- req
		w := server.WorkOf(ctx)
		if w.Caller.Name != "root" || w.NextID() == i.ID || w.Sent() == 0 {
			t.Errorf("%+v", w.Caller)
		}
		return steady(2).capture(ctx, to)
	}}
	next := k.restart(t, second)
	got := wait(t, "the engine", asked)
	if got.Count != 7 || got.MaxBytes != web.MaxBytes-uint64(len(blocks(3))) || got.Filter != req.Filter || !slices.Equal(got.Targets, req.Targets) {
		t.Errorf("asked for %+v", got)
	}
	testutil.Wait(t, "more packets", limit, func() bool { return next.store.Find(i.ID).Info().Packets == 5 })
	ended, err := next.StopCapture(t.Context(), i.ID)
	if err != nil || len(ended.Gaps) != 1 || ended.Gaps[0].To.Before(ended.Gaps[0].From) || !ended.Until.Equal(i.Until) {
		t.Errorf("%+v, %v", ended, err)
	}
	all, err := next.fetch(t, i.ID, blocks(3))
	if err != nil || bytes.Count(all, []byte("the agent was stopped: nothing was captured from")) != 1 {
		t.Errorf("%d bytes, %v", len(all), err)
	}
	if got := next.noted(); slices.Contains(got, server.CaptureEnded) {
		t.Errorf("the gate's end is recorded twice: %q", got)
	}
}

// TestNotResumed: what may not go on, or has nothing left to do, ends with that reason, which is
// recorded, and what it has is kept.
func TestNotResumed(t *testing.T) {
	late := fault.New(fault.NotFound, "web", "no container")
	var tries atomic.Int32
	for name, tt := range map[string]struct {
		d    captures.Definition
		next *fake
		why  string
	}{
		"refused":  {next: &fake{capture: func(context.Context, engine.Sink) (engine.CaptureStats, error) { return engine.CaptureStats{}, refused }}, why: "policy says no"},
		"time":     {d: captures.Definition{Duration: time.Nanosecond}, why: "its time was up"},
		"count":    {d: captures.Definition{Request: engine.CaptureRequest{Count: 1}}, why: "as much is captured"},
		"bytes":    {d: captures.Definition{Request: engine.CaptureRequest{MaxBytes: 1}}, why: "as much is captured"},
		"process":  {d: captures.Definition{Request: engine.CaptureRequest{Targets: []string{"pid://1"}}}, why: "may be another process's"},
		"no user":  {d: captures.Definition{Caller: identity.Caller{UID: 4242, User: "dlxnobody"}}, why: "not there any more"},
		"reused":   {d: captures.Definition{Caller: identity.Caller{UID: 0, User: "toor"}}, why: "not there any more"},
		"no certs": {d: captures.Definition{Caller: identity.Caller{Known: identity.Certificate}, Certificates: [][]byte{{1}}}, why: "by certificates any more"},
		"later": {next: &fake{capture: func(ctx context.Context, to engine.Sink) (engine.CaptureStats, error) {
			if tries.Add(1) == 1 {
				return engine.CaptureStats{}, late
			}
			return engine.CaptureStats{TargetEnded: true}, errors.Join(to.Begin(), to.Blocks(blocks(1), 1, 0))
		}}, why: "captured in has ended"},
	} {
		t.Run(name, func(t *testing.T) {
			k := keep(t, capturesDir(t), &fake{})
			d := tt.d
			if d.Caller.Known == "" {
				d.Caller.Known = identity.PeerCredentials
			}
			if d.Caller.User == "" && d.Caller.Known == identity.PeerCredentials {
				d.Caller.User = "root"
			}
			if d.Request.Targets == nil {
				d.Request.Targets = []string{"web"}
			}
			c, err := k.store.New(d)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(c.Begin(), c.Blocks(blocks(1), 1, 0), c.Pause()); err != nil {
				t.Fatal(err)
			}
			next := tt.next
			if next == nil {
				next = &fake{}
			}
			n := k.restart(t, next)
			i := n.settled(t, c.ID())
			if !strings.Contains(i.Why, tt.why) || i.Packets == 0 || i.SHA256 == "" || len(i.Gaps) != 1 || i.Gaps[0].To.IsZero() {
				t.Errorf("%+v", i)
			}
			if name == "later" {
				return
			}
			testutil.Wait(t, "the record", limit, func() bool { return slices.Contains(n.noted(), server.CaptureEnded) })
		})
	}
}

// TestSpent: a rule's time is that of the whole capture, whichever agent it is.
func TestSpent(t *testing.T) {
	k := keep(t, capturesDir(t), &fake{})
	c := k.paused(t, time.Hour)
	k.backdate(t, c, c.Info().Started, -50*time.Minute)
	n := k.restart(t, &fake{capture: func(ctx context.Context, to engine.Sink) (engine.CaptureStats, error) {
		server.WorkOf(ctx).Limit(30*time.Minute, 0) // as a gate does
		return steady(1).capture(ctx, to)
	}})
	if i := n.settled(t, c.ID()); !strings.Contains(i.Why, "time is up that the policy allows") {
		t.Errorf("%+v", i)
	}
}

// TestClockSetBack: with a clock that was set back while no agent ran, a capture goes on for its
// duration and no longer.
func TestClockSetBack(t *testing.T) {
	k := keep(t, capturesDir(t), &fake{})
	c := k.paused(t, 200*time.Millisecond)
	k.backdate(t, c, c.Info().Until, 24*time.Hour)
	n := k.restart(t, steady(1))
	if i := n.settled(t, c.ID()); !strings.Contains(i.Why, "time is up that was asked for") {
		t.Errorf("%+v", i)
	}
}

// paused is a capture of root's that an agent's end has cut off.
func (k *kept) paused(t *testing.T, d time.Duration) *captures.Capture {
	t.Helper()
	c, err := k.store.New(captures.Definition{Caller: identity.Caller{Known: identity.PeerCredentials, User: "root"}, Request: web, Duration: d})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Begin(), c.Blocks(blocks(1), 1, 0), c.Pause()); err != nil {
		t.Fatal(err)
	}
	return c
}

// backdate changes a time in what is on the disk of a capture.
func (k *kept) backdate(t *testing.T, c *captures.Capture, from time.Time, by time.Duration) {
	t.Helper()
	file := filepath.Join(k.dir, c.ID()+".json")
	state, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, err := from.MarshalText()
	after, err2 := from.Add(by).MarshalText()
	if err := errors.Join(err, err2, os.WriteFile(file, bytes.Replace(state, before, after, 1), 0o600)); err != nil {
		t.Fatal(err)
	}
}
