package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"dlx/fault"
	"dlx/internal/failpoint"
	"dlx/internal/linux"
	"dlx/internal/pause"
	"dlx/nsutil"
	"dlx/shell"
	"dlx/target"
)

// holding is a container's process that stands while a session looks at it, and how it is let go.
type holding struct {
	leaves  bool // it can stand by SIGSTOP, and be traced by another
	limit   time.Duration
	name    string
	process *nsutil.Process
	news    func(HoldNews)
	end     func(Outcome) // of the gate's
	timer   *time.Timer
	watch   context.CancelFunc
	watched sync.WaitGroup

	mu      sync.Mutex
	stopped bool // by SIGSTOP, which nobody has taken back yet
	gone    bool // let go
}

// gather takes hold of the container and prepares what does not need it. A container that is waited
// for comes last, when all that may fail has not.
func (d *debug) gather(ctx context.Context, streams Streams) error {
	steps := []func() error{func() error { return d.place(ctx) }, d.prepare}
	if d.req.Hold.When == "" {
		return together(append(steps, func() error { return d.open(ctx) })...)
	}
	if err := together(steps...); err != nil {
		return err
	}
	return d.await(ctx, streams.Held)
}

// checkHold reports what can not be held.
func (d *debug) checkHold() error {
	h := &d.req.Hold
	if h.Limit == 0 {
		h.Limit = DefaultHold
	}
	if h.When != "" && h.When != OnExit && h.When != OnStart || h.Limit < 0 {
		return fault.New(fault.BadRequest, "", "hold %q for %s", string(h.When), h.Limit)
	}
	return nil
}

// await waits until the container stands at its end or its start.
func (d *debug) await(ctx context.Context, news func(HoldNews)) (err error) {
	if news == nil {
		news = func(HoldNews) {}
	}
	w := &waiter{l: d.local, req: d.req, news: news}
	defer func() { d.held = w.held }()
	if d.target, err = w.wait(ctx); err != nil {
		return err
	}
	h := w.held
	h.process = d.target.Process
	h.timer = time.AfterFunc(h.limit, h.expire)
	failpoint.At("debug.held")
	return nil
}

// stoppable is the process that a session's keeper is to have go on.
func (h *holding) stoppable() *nsutil.Process {
	if h == nil || !h.leaves {
		return nil
	}
	return h.process
}

// stopLimit is how long a process may take from its tracer's end to its stop by a signal.
const stopLimit = 10 * time.Second

// watchEvery is how often a stopped process is looked at, for whether somebody traces it.
const watchEvery = 10 * time.Millisecond

// leave has a program that was caught at its start, or at a fault, stand by SIGSTOP instead of by a
// tracer, of which a process has one at most: a debugger can attach to it then, by which it goes
// on. The session is about to begin, and its keeper knows of it.
func (h *holding) leave(ctx context.Context) error {
	if h == nil || !h.leaves {
		return nil
	}
	if err := h.stop(ctx); err != nil {
		return fmt.Errorf("leave process %d stopped: %w", h.process.PID(), err)
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	h.watch = stop
	h.watched.Go(func() {
		if h.attached(watching) {
			h.release()
		}
	})
	return nil
}

func (h *holding) stop(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gone { // its time is up
		return nil
	}
	trace, err := h.process.Trace(ctx)
	if err != nil {
		return err
	}
	h.stopped = true
	failpoint.At("debug.stopping")
	if err := trace.Leave(); err != nil {
		return err
	}
	failpoint.At("debug.stopped")
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	for {
		state, _, err := look(h.process)
		if err != nil || state == 'T' || state == 't' {
			return err
		}
		if err := pause.For(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// attached waits until somebody traces the process, which is to go on then. It is false if it has
// gone on already, has ended, or ctx has.
func (h *holding) attached(ctx context.Context) bool {
	for {
		state, tracer, err := look(h.process)
		switch {
		case err != nil:
			return false
		case tracer != 0:
			return true
		case state != 'T':
			h.mu.Lock()
			defer h.mu.Unlock()
			h.stopped = false
			return false
		}
		if pause.For(ctx, watchEvery) != nil {
			return false
		}
	}
}

// look reads a process's state and who traces it.
func look(p *nsutil.Process) (state byte, tracer uint64, err error) {
	status, err := p.Status()
	if err != nil {
		return 0, 0, err
	}
	text, serr := status.Field("State")
	tracer, terr := status.Number("TracerPid", 10)
	if err := errors.Join(serr, terr); err != nil || text == "" {
		return 0, 0, err
	}
	return text[0], tracer, nil
}

// expire lets the container go when its time is up.
func (h *holding) expire() {
	if h.release() {
		h.news(HoldNews{State: shell.HoldLetGo, Target: h.name, Limit: h.limit})
	}
}

// release lets the container go on, and says whether it stood.
func (h *holding) release() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gone {
		return false
	}
	h.gone = true
	h.process.Untrace()
	if h.stopped {
		_ = h.process.Signal(linux.SIGCONT) // it may have ended
	}
	return !h.leaves || h.stopped
}

// close lets the container go on at the session's end.
func (h *holding) close() {
	if h == nil {
		return
	}
	if h.timer != nil {
		h.timer.Stop()
	}
	if h.watch != nil {
		h.watch()
	}
	h.watched.Wait()
	if h.process != nil {
		h.release()
	}
	h.end(Outcome{})
}

// endOf is a wait status in words.
func endOf(ws linux.WaitStatus) string {
	if !ws.Signaled() {
		return fmt.Sprintf("exit status %d", ws.ExitStatus())
	}
	text := "killed by " + linux.SignalName(ws.Signal())
	if ws.CoreDump() {
		text += " (core dumped)"
	}
	return text
}

// firstPID is a process's number in its own PID namespace.
func firstPID(p *nsutil.Process) int {
	status, err := p.Status()
	if err != nil {
		return p.PID()
	}
	pid, _, err := status.InnermostPID()
	if err != nil {
		return p.PID()
	}
	return pid
}

// startsAgain reports a container that never will: a process that was named by its number.
func startsAgain(c *target.Info) error {
	if c.Runtime == target.PIDScheme {
		return fault.New(fault.NoRestart, c.Name, "process %s starts but once", c.ID)
	}
	return nil
}
