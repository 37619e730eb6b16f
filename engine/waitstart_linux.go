package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"dlx/fault"
	"dlx/internal/failpoint"
	"dlx/internal/hold"
	"dlx/internal/linux"
	"dlx/internal/pause"
	"dlx/nsutil"
	"dlx/target"
)

// caught is a process that may be the container's first.
type caught struct {
	process *nsutil.Process
	err     error
}

// newCatcher is hold.NewCatcher. Tests change it.
var newCatcher = hold.NewCatcher

// catch catches what may be the container's first process. Where the kernel tells of none there are
// the runtime's events alone.
func (w *waiter) catch(ctx context.Context, now *target.Target) (<-chan caught, error) {
	holds := func(cgroup []byte) bool {
		return (w.info.Holds(cgroup) || w.info.Neighbour(cgroup) != "") && (now == nil || now.Process.HasEnded())
	}
	c, err := newCatcher(holds)
	if errors.Is(err, linux.ErrNoBirths) {
		none := make(chan caught)
		context.AfterFunc(ctx, func() { close(none) })
		return none, nil
	}
	if err != nil {
		return nil, err
	}
	failpoint.At("debug.watching")
	all := make(chan caught)
	go func() {
		defer close(all)
		for {
			p, err := c.Next(ctx)
			if err != nil {
				err = errors.Join(ignoreEnd(ctx, err), c.Close())
				if err != nil {
					all <- caught{err: err}
				}
				return
			}
			failpoint.At("debug.caught")
			all <- caught{process: p}
		}
	}()
	return all, nil
}

func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// drain lets go what was caught and is not wanted any more.
func drain(from <-chan caught, stop func()) (err error) {
	stop()
	for c := range from {
		err = errors.Join(err, c.err)
		if c.process != nil {
			err = errors.Join(err, c.process.Close())
		}
	}
	return err
}

// atEnd says whether a container was caught only as its first process ends.
func atEnd(t *target.Target) bool {
	if t == nil {
		return false
	}
	trace := t.Process.Traced()
	e, stands := trace.Standing()
	return stands && e.Kind == linux.TraceExit
}

// identifyLimit is how long a runtime may take from its container's first instruction on, which
// waits, until it says that the container runs.
const identifyLimit = 30 * time.Second

// identify has the runtime say that a process is the container's, and verifies it as any other is.
// If it is not, or the runtime does not say so in time, it is let go, and there is none.
func (w *waiter) identify(ctx context.Context, p *nsutil.Process) (*target.Target, error) {
	ref, err := w.inPlace(ctx, p)
	if err != nil || ref == nil {
		return nil, errors.Join(err, p.Close())
	}
	for end := time.Now().Add(identifyLimit); time.Now().Before(end) && !p.HasEnded(); {
		t, err := w.l.targets.Open(ctx, ref.String())
		if err == nil && t.PID == p.PID() {
			err = t.Process.Close()
			t.Process = p
			if err = errors.Join(err, t.Verify(ctx)); err == nil {
				return t, nil
			}
		} else if err == nil {
			if err = t.Close(); err == nil {
				break // it is another process of its cgroup
			}
		}
		if !retryable(err) {
			return nil, errors.Join(err, p.Close())
		}
		if err := pause.For(ctx, watchEvery); err != nil {
			return nil, errors.Join(context.Cause(ctx), p.Close())
		}
	}
	return nil, p.Close()
}

// inPlace is the container that a process is in: the one that is waited for, or one that takes its
// place. Of another one there is none.
func (w *waiter) inPlace(ctx context.Context, p *nsutil.Process) (*target.Ref, error) {
	cgroup, err := p.Cgroups()
	if err != nil {
		return nil, ignoreGone(err)
	}
	there := *w.info
	if id := w.info.Neighbour(cgroup); id != "" {
		there.ID = id
		now, err := w.l.targets.Inspect(ctx, &there)
		if errors.Is(err, fault.NotFound) || err == nil && now.Place != w.info.Place {
			return nil, nil //nolint:nilnil // it is somebody else's
		}
		if err != nil {
			return nil, err
		}
	}
	ref := there.Ref()
	return &ref, nil
}

// ignoreGone is an error, unless it is that a process has ended.
func ignoreGone(err error) error {
	if errors.Is(err, nsutil.ErrGone) {
		return nil
	}
	return err
}

// begun is the container if it has started without having been caught. It stands where it has come
// to.
func (w *waiter) begun(ctx context.Context, now *target.Target) (*target.Target, error) {
	ref, err := w.l.targets.Successor(ctx, w.info)
	if err != nil {
		return nil, err
	}
	t, err := w.l.targets.Open(ctx, ref.String())
	if err != nil {
		return nil, w.lasting(ctx, err)
	}
	if now != nil && !t.Started.After(now.Started) && t.PID == now.PID {
		return nil, t.Close()
	}
	if _, tracer, err := look(t.Process); err != nil || isOwnThread(tracer) {
		return nil, t.Close() // it is being caught
	}
	trace, err := w.trace(ctx, t, linux.TraceExec, linux.TraceExit)
	if errors.Is(err, nsutil.ErrGone) && fault.Of(err) == nil {
		return nil, t.Close()
	}
	if err == nil && w.req.Hold.When == OnStart {
		if err = trace.Interrupt(); err == nil {
			_, err = next(ctx, trace, linux.TraceStopped)
		}
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// lasting is an error, unless the container may yet come back, or another one in its place: for as
// long as its pod lives.
func (w *waiter) lasting(ctx context.Context, err error) error {
	if w.info.Place == "" || !retryable(err) && !errors.Is(err, fault.NotFound) {
		if retryable(err) {
			return nil
		}
		return err
	}
	now, ierr := w.l.targets.Inspect(ctx, w.info)
	if ierr != nil || now.State.Live() || now.Awaited {
		return ierr
	}
	return fault.New(fault.NoRestart, w.info.Name, "container %q does not start any more: its pod has ended", w.info.Name)
}

// isOwnThread says whether a thread is one of this process: a tracer is a thread.
func isOwnThread(tid uint64) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid))
	return err == nil
}
