package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"dlx/fault"
	"dlx/internal/cgroup"
	"dlx/internal/failpoint"
	"dlx/internal/initproto"
	"dlx/internal/linux"
	"dlx/nsutil"
)

// Why a session ended before its command did.
var (
	ErrTargetEnded error = fault.New(fault.TargetEnded, "", "the container ended")
	ErrKilled      error = fault.New(fault.SessionKilled, "", "the session was ended from outside")
)

// Limits of time for ending a session.
const (
	drainLimit = 2 * time.Second
	termGrace  = 3 * time.Second
)

// memoryTooLow reports a memory limit that not even the session's first process fits in.
func memoryTooLow(limit int64) error {
	return fault.New(fault.MemoryTooLow, "", "the session's memory limit of %d bytes is too small", limit)
}

// notRun reports a command that could not be run.
func (r *running) notRun(name string, rec initproto.Record) error {
	switch {
	case rec.Kind != initproto.NotFound:
		return fault.New(fault.CommandNotRun, name, "run %q: %w", name, linux.Errno(rec.Value))
	case r.spec.Toolbox:
		return fault.New(fault.CommandNotFound, name, "command %q not found", name)
	}
	return fault.New(fault.CommandNotHere, name, "command %q not found", name)
}

// running is a started session.
type running struct {
	spec    Spec
	session *Session
	streams *stdio
	child   *nsutil.Child
	record  chan initproto.Record // closed without a record if dlx-init was killed
	told    chan struct{}         // dlx-init has no more to say
	started chan struct{}         // the command runs
	exited  chan struct{}         // dlx-init has ended
	target  chan struct{}         // the container's process has ended
	stop    context.CancelFunc
	watches sync.WaitGroup // the goroutines that use the pidfds
}

func newRunning(spec Spec, session *Session, streams *stdio, child *nsutil.Child, status *os.File) *running {
	ctx, stop := context.WithCancel(context.Background())
	r := &running{
		spec: spec, session: session, streams: streams, child: child, stop: stop,
		record: make(chan initproto.Record, 1), told: make(chan struct{}), started: make(chan struct{}), exited: make(chan struct{}), target: make(chan struct{}),
	}
	go func() {
		defer close(r.told)
		defer close(r.record)
		defer status.Close()
		rec, err := initproto.Read(status)
		if err == nil && rec.Kind == initproto.Started {
			close(r.started)
			rec, err = initproto.Read(status)
		}
		if err == nil {
			r.record <- rec
		}
	}()
	r.watches.Go(func() {
		if linux.PidfdWait(ctx, child.Pidfd) == nil {
			close(r.exited)
		}
	})
	r.watches.Go(func() {
		if spec.Process.Wait(ctx) == nil {
			close(r.target)
		}
	})
	r.watches.Go(func() { r.forward(ctx) })
	return r
}

// begin waits until the command runs, or will not, and lets input and output flow.
func (r *running) begin(ctx context.Context) {
	select {
	case <-r.started:
	case <-r.exited: // a command that is over at once has started, too
		select {
		case <-r.told:
		case <-time.After(drainLimit):
		}
	case <-ctx.Done():
	}
	if r.hasStarted() && r.spec.Streams.Started != nil {
		r.spec.Streams.Started()
	}
	r.streams.relay()
}

// forward passes signals and sizes on, from when dlx-init can take them until the session ends.
func (r *running) forward(ctx context.Context) {
	select {
	case <-r.started:
	case <-ctx.Done():
		return
	}
	signals, sizes := r.spec.Streams.Signals, r.spec.Streams.Resize
	for {
		select {
		case <-ctx.Done():
			return
		case sig, ok := <-signals:
			if !ok {
				signals = nil // one that is closed has no more to say
				continue
			}
			_ = linux.PidfdSignal(r.child.Pidfd, sig)
		case size, ok := <-sizes:
			if !ok {
				sizes = nil
				continue
			}
			if r.streams.master != nil {
				_ = linux.SetWindowSize(r.streams.master, size.Rows, size.Cols)
			}
		}
	}
}

// wait waits for the command's end, or brings it about, and for dlx-init's.
func (r *running) wait(ctx context.Context) (int, error) {
	rec, err := r.outcome(ctx)
	failpoint.At("session.outcome")
	ws := r.end()
	byItself := ws.ExitStatus() > 0 || ws.Signaled() && ws.Signal() != linux.SIGKILL
	if errors.Is(err, ErrKilled) && !r.hasStarted() && byItself {
		err = r.session.restraint.blame(fmt.Errorf("dlx-init ended at once (status %#x)", uint32(ws)))
	}
	r.stop()
	r.watches.Wait()
	if cerr := r.child.Pidfd.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return 0, err
	}
	return r.exitCode(rec)
}

// outcome returns what dlx-init said.
func (r *running) outcome(ctx context.Context) (initproto.Record, error) {
	select {
	case rec, ok := <-r.record:
		if !ok {
			return rec, r.whyKilled(ctx)
		}
		return rec, nil
	case <-r.target:
		return initproto.Record{}, ErrTargetEnded
	case <-ctx.Done():
	}
	if r.spec.TTY {
		_ = linux.PidfdSignal(r.child.Pidfd, linux.SIGHUP) // interactive shells ignore SIGTERM
	}
	_ = linux.PidfdSignal(r.child.Pidfd, linux.SIGTERM)
	_ = linux.PidfdSignal(r.child.Pidfd, linux.SIGCONT)
	select {
	case <-r.record:
	case <-r.target:
	case <-time.After(termGrace):
	}
	return initproto.Record{}, context.Cause(ctx)
}

// whyKilled tells the container's end from that of the session alone. The kernel ends a pid
// namespace's other processes before its init (pid_namespaces(7)), so news of the init comes later.
// dlx-init waits, maybe for ever, for the tracer of a thread that the container traces (ptrace(2)).
func (r *running) whyKilled(ctx context.Context) error {
	select {
	case <-r.exited:
	case <-r.target:
		return ErrTargetEnded
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(cgroup.EndLimit):
	}
	if r.session.cgroup.OutOfMemory() {
		return memoryTooLow(r.session.limits.Memory)
	}
	select {
	case <-r.target:
		return ErrTargetEnded
	case <-time.After(drainLimit):
		return ErrKilled
	}
}

// quickExit is how long dlx-init gets to end by itself.
// Then its group is looked at for what it still waits for.
const quickExit = 5 * time.Millisecond

// hasStarted says whether the command ran.
func (r *running) hasStarted() bool {
	select {
	case <-r.started:
		return true
	default:
		return false
	}
}

// end ends what the command has left behind and waits for dlx-init, and until it is reaped, and
// returns its status.
func (r *running) end() linux.WaitStatus {
	select {
	case <-r.exited:
	case <-time.After(quickExit):
		if r.session.cgroup.End(context.Background()) != nil {
			return 0 // Run looks again, and reports
		}
		select {
		case <-r.exited:
		case <-time.After(cgroup.EndLimit):
			return 0
		}
	}
	failpoint.At("session.exited")
	return r.session.keeper.reaped(cgroup.EndLimit)
}

// exitCode turns dlx-init's record into an exit status.
func (r *running) exitCode(rec initproto.Record) (int, error) {
	name := r.spec.Command[0]
	switch rec.Kind {
	case initproto.Exited:
		ws := linux.WaitStatus(rec.Value)
		if ws.Signaled() {
			return 128 + int(ws.Signal()), nil
		}
		return ws.ExitStatus() & 0xff, nil
	case initproto.NoDir:
		return 0, fault.New(fault.NoWorkdir, r.spec.Dir, "enter working directory %q: %w", r.spec.Dir, linux.Errno(rec.Value))
	default:
		return 0, r.notRun(name, rec)
	}
}
