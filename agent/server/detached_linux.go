package server

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"dlx/agent/captures"
	"dlx/agent/identity"
	"dlx/agent/tlsid"
	"dlx/engine"
	"dlx/fault"
)

// detached is a capture that goes on without its client.
type detached struct {
	s     *Server
	c     *captures.Capture
	req   engine.CaptureRequest
	work  *Work
	ctx   context.Context //nolint:containedctx // the work's, which outlives its call
	leave func()

	once  sync.Once
	began chan struct{}
	ended chan struct{}
	err   error // read once ended is closed
}

// detach enters a capture as work of a caller's. It is run, then.
func (s *Server) detach(c *captures.Capture, caller *identity.Caller, certificates *tlsid.Reloader) (*detached, error) {
	def, info := c.Definition(), c.Info()
	d := &detached{s: s, c: c, req: def.Request, began: make(chan struct{}), ended: make(chan struct{})}
	ctx, unwatch, err := watched(identity.With(context.Background(), caller), &def, certificates)
	if err != nil {
		return nil, err
	}
	d.work = &Work{
		ID: c.ID(), Verb: string(engine.VerbCapture), Targets: slices.Concat(d.req.Targets, d.req.Labels), Reason: def.Reason,
		Ring: int64(d.req.RingSize), Kept: &Kept{c: c, over: make(chan struct{})}, Started: info.Started,
	}
	if !info.Started.IsZero() {
		d.work.Before = max(time.Since(info.Started), 0)
		d.work.Resumed = ".r" + strconv.FormatInt(time.Now().UnixMilli(), 36)
	}
	var leave func()
	if d.ctx, leave, err = s.begin(ctx, d.work); err != nil {
		unwatch()
		return nil, err
	}
	d.work.Kept.ctx = d.ctx
	d.leave = func() { leave(); unwatch() }
	return d, nil
}

// watched is a context that ends when a caller's certificates are not valid any more.
func watched(ctx context.Context, def *captures.Definition, certificates *tlsid.Reloader) (context.Context, func(), error) {
	if len(def.Certificates) == 0 {
		return ctx, func() {}, nil
	}
	if certificates == nil {
		return nil, nil, fault.New(fault.Refused, "", "the agent knows nobody by certificates any more")
	}
	state, err := tlsid.Kept(def.Certificates)
	if err != nil {
		return nil, nil, err
	}
	if err := certificates.StillValid(state); err != nil {
		return nil, nil, fault.New(fault.Refused, "", "who asked for it is not let in any more: %w", err)
	}
	ctx, stop := certificates.Watch(ctx, state)
	return ctx, stop, nil
}

// run captures until the end.
func (d *detached) run(capture func() (engine.CaptureStats, error)) {
	defer close(d.ended)
	defer d.leave()
	defer close(d.work.Kept.over)
	stats, err := capture()
	if cause := context.Cause(d.ctx); err == nil && cause != nil {
		err = cause
	}
	d.err = fault.In("capture", strings.Join(d.req.Targets, " "), err)
	d.work.err = d.err
	if r := d.work.Kept.Complete(engine.Outcome{Stats: &stats, Err: err}); r.Err != nil {
		d.s.o.Log.Error("a capture's end may not be on the disk", "id", d.c.ID(), "error", r.Err)
	}
}

// capture has the engine capture.
func (d *detached) capture() (engine.CaptureStats, error) {
	var timer *time.Timer
	defer func() {
		if timer != nil {
			timer.Stop()
		}
	}()
	return d.s.o.Engine.Capture(d.ctx, d.req, &keptSink{d.c, d.work, func() {
		left := min(time.Until(d.c.Info().Until), d.c.Definition().Duration) // also if the clock was set back
		timer = time.AfterFunc(left, func() { d.work.cancel(errOver) })
		d.once.Do(func() { close(d.began) })
	}})
}

// waitKept waits until no capture is written any more.
func (s *Server) waitKept(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		s.kept.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.Join(errors.New("stop the agent: captures do not end"), ctx.Err())
	}
}
