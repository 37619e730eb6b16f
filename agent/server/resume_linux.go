package server

import (
	"context"
	"errors"
	"time"

	"dlx/agent/captures"
	"dlx/agent/identity"
	"dlx/agent/tlsid"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/pause"
	"dlx/target"
)

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
