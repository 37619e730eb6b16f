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
	"dlx/internal/pause"
	"dlx/target"
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
	if d.ctx, leave, err = s.works.begin(ctx, d.work); err != nil {
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

// ResumeCaptures has those go on that the end of an agent has cut off, each for whom it was, if the
// gate lets them. It is called before anything is served.
func (s *Server) ResumeCaptures(certificates *tlsid.Reloader) {
	if s.o.Captures == nil {
		return
	}
	looking := make(chan struct{}, 1) // through one file at a time
	for _, c := range s.o.Captures.Unfinished() {
		def := c.Definition()
		caller, err := identity.Again(def.Caller)
		var d *detached
		if err == nil {
			d, err = s.detach(c, caller, certificates)
		}
		s.kept.Go(func() {
			if err == nil {
				d.run(func() (engine.CaptureStats, error) { return d.again(looking) })
				err = d.err
			}
			s.noted(c, &def.Caller, err)
		})
	}
}

// noted ends a capture that could not go on, and records that: of one that did, the gate has.
func (s *Server) noted(c *captures.Capture, caller *identity.Caller, err error) {
	ctx := context.Background()
	select {
	case <-c.Done():
	default:
		if ferr := c.Finish("it could not go on: " + err.Error()); ferr != nil {
			s.o.Log.Error("a capture's end may not be on the disk", "id", c.ID(), "error", ferr)
		}
	}
	i := c.Info()
	if n := len(i.Gaps); i.Running() || n > 0 && i.Gaps[n-1].To.Before(i.Ended) {
		return
	}
	e := CaptureEvent{What: CaptureEnded, Caller: caller, Info: i}
	if err := s.note(ctx, e); err != nil {
		s.o.Log.Error("a capture's end is not recorded", "id", c.ID(), "error", err)
	}
}

// How long a capture waits for what it was captured in, after the agent's start: a runtime may
// start later than the agent, and its containers later still.
const (
	resumeLimit = 2 * time.Minute
	resumeFirst = time.Second
	resumeMost  = 15 * time.Second
)

// again is capture for one that was cut off.
func (d *detached) again(looking chan struct{}) (stats engine.CaptureStats, err error) {
	looking <- struct{}{}
	err = d.c.Ready()
	<-looking
	if err != nil {
		return stats, err
	}
	i := d.c.Info()
	if err := d.rest(&i); err != nil {
		return stats, err
	}
	d.work.sent.Store(i.Bytes)
	wait := resumeFirst
	for until := time.Now().Add(resumeLimit); ; wait = min(2*wait, resumeMost) {
		stats, err = d.capture()
		select {
		case <-d.began:
			return stats, err
		default:
		}
		if !mayCome(err) || time.Now().After(until) {
			return stats, err
		}
		if err := pause.For(d.ctx, wait); err != nil {
			return stats, err
		}
	}
}

// rest is what of a request is still to be done; an error says that nothing is.
func (d *detached) rest(i *captures.Info) error {
	r := &d.req
	switch {
	case !time.Now().Before(i.Until):
		return fault.New(fault.TimedOut, "", "its time was up while the agent did not run")
	case i.Bytes >= r.MaxBytes, r.Count > 0 && i.Packets >= r.Count:
		return fault.New(fault.TimedOut, "", "as much is captured as was asked for")
	}
	for _, word := range r.Targets {
		if ref, err := target.ParseRef(word); err == nil && ref.Scheme == target.PIDScheme {
			return fault.New(fault.Refused, word, "the number of %s may be another process's by now", word)
		}
	}
	r.MaxBytes -= i.Bytes
	if r.Count > 0 {
		r.Count -= i.Packets
	}
	return nil
}

// mayCome says whether what is not there may come yet.
func mayCome(err error) bool {
	return errors.Is(err, fault.NotFound) || errors.Is(err, fault.NotRunning) || errors.Is(err, fault.NoRuntime) || errors.Is(err, fault.RuntimeSilent)
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
