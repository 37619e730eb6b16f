package engine

import (
	"context"
	"errors"
	"time"

	"dlx/fault"
	"dlx/internal/failpoint"
	"dlx/internal/linux"
	"dlx/internal/pause"
	"dlx/nsutil"
	"dlx/shell"
	"dlx/target"
)

// waiter waits for a container's end or start, and has it stand there.
type waiter struct {
	l    *Local
	req  DebugRequest
	news func(HoldNews)
	info *target.Info
	held *holding // once the gate has let it through
}

func (w *waiter) tell(state shell.HoldState, n HoldNews) {
	n.State, n.Target, n.Limit = state, w.info.Name, w.req.Hold.Limit
	w.news(n)
}

// wait returns the container with its process, which stands and is the container's own: it was
// verified when it was held, and has not ended since.
func (w *waiter) wait(ctx context.Context) (*target.Target, error) {
	now, err := w.present(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.admit(ctx, now); err != nil {
		return nil, errors.Join(err, closeTarget(now))
	}
	if w.req.Hold.When == OnExit && now != nil {
		if ended, err := w.end(ctx, now); ended || err != nil {
			return now, err
		}
		w.tell(shell.HoldMissed, HoldNews{})
	}
	for {
		next, late, err := w.start(ctx, now)
		if err = errors.Join(err, closeTarget(now)); err != nil {
			return nil, errors.Join(err, closeTarget(next))
		}
		if w.req.Hold.When == OnStart {
			w.held.leaves = true
			state := shell.HoldStopped
			if late {
				state = shell.HoldLate
			}
			w.tell(state, HoldNews{PID: firstPID(next.Process)})
			return next, nil
		}
		if ended, err := w.end(ctx, next); ended || err != nil {
			return next, err
		}
		w.tell(shell.HoldMissed, HoldNews{})
		now = next
	}
}

func closeTarget(t *target.Target) error {
	if t == nil {
		return nil
	}
	return t.Close()
}

// present finds the container and, if it runs, takes hold of its process.
func (w *waiter) present(ctx context.Context) (*target.Target, error) {
	t, err := w.l.targets.Open(ctx, w.req.Target)
	if err == nil {
		w.info = &t.Info
	} else if retryable(err) {
		if w.info, err = w.l.targets.Resolve(ctx, w.req.Target); err != nil {
			return nil, err
		}
	} else {
		return nil, err
	}
	if w.req.Hold.When == OnStart || t == nil {
		if err := startsAgain(w.info); err != nil {
			return nil, errors.Join(err, closeTarget(t))
		}
	}
	return t, nil
}

// admit asks the gate, before anything is traced.
func (w *waiter) admit(ctx context.Context, t *target.Target) error {
	var p *nsutil.Process
	if t != nil {
		p = t.Process
	}
	end, err := w.l.begin(ctx, Operation{Verb: VerbHold, Target: *w.info, Hold: &w.req.Hold}, p)
	if err == nil {
		w.held = &holding{limit: w.req.Hold.Limit, name: w.info.Name, news: w.news, end: end}
	}
	return err
}

// traceLimit is how long a process may take to be traced. A frozen one may never be.
const traceLimit = 5 * time.Second

// end waits for the container's end, and says whether it stands there. Otherwise nothing could be
// held of it.
func (w *waiter) end(ctx context.Context, t *target.Target) (bool, error) {
	w.tell(shell.HoldForEnd, HoldNews{})
	for {
		trace, err := w.trace(ctx, t, linux.TraceExit)
		if errors.Is(err, nsutil.ErrGone) && fault.Of(err) == nil {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		e, stands := trace.Standing()
		if stands && e.Kind != linux.TraceExit { // else it was caught there
			if err := trace.Resume(); err != nil {
				return false, err
			}
		}
		failpoint.At("debug.seized")
		if !stands || e.Kind != linux.TraceExit {
			e, err = next(ctx, trace, linux.TraceExit)
		}
		if err != nil {
			t.Process.Untrace()
			return false, err
		}
		switch {
		case e.Kind == linux.TraceGone && t.Process.HasEnded():
			t.Process.Untrace()
			return false, nil
		case e.Kind == linux.TraceFault:
			w.held.leaves = true
			w.tell(shell.HoldFault, HoldNews{End: linux.SignalName(linux.Signal(e.Status)), PID: firstPID(t.Process)})
			return true, nil
		case e.Kind == linux.TraceExit && !e.Alone:
			w.tell(shell.HoldEnding, HoldNews{End: endOf(e.Status), PID: firstPID(t.Process)})
			return true, nil
		}
		t.Process.Untrace() // the container goes on: another thread takes the first one's place
	}
}

// next waits until a traced process stands at an event of a kind, or has ended.
func next(ctx context.Context, trace *linux.Trace, kind linux.TraceKind) (linux.TraceEvent, error) {
	for {
		select {
		case e, ok := <-trace.Events():
			switch {
			case !ok:
				return linux.TraceEvent{Kind: linux.TraceGone}, nil
			case e.Kind == kind, e.Kind == linux.TraceGone, e.Kind == linux.TraceFault:
				return e, nil
			}
			if err := trace.Resume(); err != nil {
				return e, err
			}
		case <-ctx.Done():
			return linux.TraceEvent{}, context.Cause(ctx)
		}
	}
}

// trace traces the container's process. One that has the place of its first thread taken by another
// can not be for a moment.
func (w *waiter) trace(ctx context.Context, t *target.Target, kinds ...linux.TraceKind) (*linux.Trace, error) {
	limited, cancel := context.WithTimeout(ctx, traceLimit)
	defer cancel()
	for {
		trace, err := t.Process.Trace(limited, kinds...)
		again := errors.Is(err, linux.ErrNotTraceable) || errors.Is(err, nsutil.ErrGone) || errors.Is(err, context.DeadlineExceeded)
		switch {
		case errors.Is(err, linux.ErrTraced):
			return nil, fault.New(fault.Traced, t.Name, "the first process of %q can not be held: %w", t.Name, err)
		case ctx.Err() != nil:
			t.Process.Untrace()
			return nil, context.Cause(ctx)
		case err == nil || t.Process.HasEnded() || !again:
			return trace, err
		}
		if pause.For(limited, watchEvery) != nil && ctx.Err() == nil {
			return nil, fault.New(fault.NotTraceable, t.Name, "the first process of %q can not be held: %w", t.Name, err)
		}
	}
}

// start waits for the container's next start, and returns it with its process standing before its
// first instruction. late says that it had begun. now is its present one, or nil.
func (w *waiter) start(ctx context.Context, now *target.Target) (next *target.Target, late bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	caught, err := w.catch(ctx, now)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, drain(caught, stop)) }()
	starts, err := w.l.targets.WatchFor(ctx, w.info)
	if err != nil {
		return nil, false, err
	}
	w.tell(shell.HoldForStart, HoldNews{}) // from now on none is missed
	look := time.NewTimer(0)               // it may have been started before the subscription
	defer look.Stop()
	for {
		select {
		case c, ok := <-caught:
			if !ok {
				return nil, false, context.Cause(ctx)
			}
			if c.err != nil {
				return nil, false, c.err
			}
			next, err := w.identify(ctx, c.process)
			if w.req.Hold.When == OnStart && atEnd(next) {
				err = errors.Join(err, next.Close())
				w.tell(shell.HoldMissed, HoldNews{})
				next = nil
			}
			if next != nil || err != nil {
				return next, false, err
			}
			continue
		case e, ok := <-starts:
			if !ok && ctx.Err() == nil {
				return nil, false, fault.New(fault.NoRestart, w.info.Name, "container %q does not start any more", w.info.Name)
			}
			if e.Err != nil {
				return nil, false, e.Err
			}
		case <-look.C:
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
		if next, err = w.begun(ctx, now); next != nil || err != nil {
			return next, true, err
		}
		look.Reset(restartWait)
	}
}
