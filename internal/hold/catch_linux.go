package hold

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"dlx/internal/linux"
	"dlx/nsutil"
)

// Catcher waits for a container's first process. A runtime forks it, moves it into the container's
// cgroup, gives it its namespaces and then has it execute the container's program: from the fork on
// there are some tens of milliseconds to trace it in. Its owner closes it.
type Catcher struct {
	births *linux.Births
	holds  func(cgroup []byte) bool
	young  map[int]time.Time  // first processes of PID namespaces, by when they are given up
	traced map[int]*candidate // processes in the cgroup that may execute the program
}

// candidate is a process that is traced.
type candidate struct {
	process *nsutil.Process
	trace   *linux.Trace
	late    int // looks at which it had executed a program already, and did not stand there
}

// Bounds: a runtime makes three or four processes on the way, and others may make as many as they
// like.
const (
	youngLimit = 10 * time.Second
	maxYoung   = 256
	maxTraced  = 64
	seizeLimit = time.Second
	lookEvery  = 2 * time.Millisecond // while something may be about to execute
	idleEvery  = 100 * time.Millisecond
	maxLate    = 50 // looks
)

// NewCatcher begins to watch for processes in a cgroup, which holds tells by the content of
// /proc/PID/cgroup. An error is linux.ErrNoBirths, among others.
func NewCatcher(holds func(cgroup []byte) bool) (*Catcher, error) {
	births, err := linux.WatchBirths()
	if err != nil {
		return nil, fmt.Errorf("watch for processes: %w", err)
	}
	return &Catcher{births, holds, map[int]time.Time{}, map[int]*candidate{}}, nil
}

// Close lets go what is traced, but not what Next has returned.
func (c *Catcher) Close() error {
	err := c.births.Close()
	for pid := range c.traced {
		err = errors.Join(err, c.drop(pid))
	}
	return err
}

// Next returns the next process that stands at the first instruction of the container's program,
// traced for its exec and its exit; its owner closes it. One that was traced behind its exec, and
// ends at once, stands at its exit. A runtime that starts more containers at once than it can be
// told of is missed.
func (c *Catcher) Next(ctx context.Context) (*nsutil.Process, error) {
	for ctx.Err() == nil {
		wait := idleEvery
		if len(c.young)+len(c.traced) > 0 {
			wait = lookEvery
		}
		pids, err := c.births.Next(time.Now().Add(wait))
		if err != nil && !errors.Is(err, linux.ErrBirthsLost) {
			return nil, fmt.Errorf("watch for processes: %w", err)
		}
		for _, pid := range pids {
			c.consider(ctx, pid)
		}
		for pid, until := range c.young {
			if c.consider(ctx, pid); time.Now().After(until) {
				delete(c.young, pid)
			}
		}
		if p := c.executed(); p != nil {
			return p, nil
		}
	}
	return nil, ctx.Err()
}

// consider traces a process that is in the cgroup. The first one of a PID namespace may yet come
// there.
func (c *Catcher) consider(ctx context.Context, pid int) {
	cgroup, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	switch {
	case err != nil || c.traced[pid] != nil:
		delete(c.young, pid)
	case c.holds(cgroup):
		delete(c.young, pid)
		if len(c.traced) < maxTraced {
			c.seize(ctx, pid)
		}
	case len(c.young) < maxYoung && beginsNamespace(pid):
		if _, known := c.young[pid]; !known {
			c.young[pid] = time.Now().Add(youngLimit)
		}
	}
}

// beginsNamespace says whether the process is the first one of a PID namespace that is not the
// host's.
func beginsNamespace(pid int) bool {
	status, err := linux.ReadStatus(pid)
	if err != nil {
		return false
	}
	inner, depth, err := status.InnermostPID()
	return err == nil && depth > 0 && inner == 1
}

// seize traces a process, if it is still in the cgroup now that it is held.
func (c *Catcher) seize(ctx context.Context, pid int) {
	ctx, cancel := context.WithTimeout(ctx, seizeLimit)
	defer cancel()
	p, err := nsutil.Open(pid)
	if err != nil {
		return
	}
	var trace *linux.Trace
	if cgroup, cerr := p.Cgroups(); cerr == nil && c.holds(cgroup) {
		trace, err = p.Trace(ctx, linux.TraceExec, linux.TraceExit)
	}
	if err != nil || trace == nil {
		_ = p.Close()
		return
	}
	c.traced[pid] = &candidate{process: p, trace: trace}
}

// executed returns a process that has executed the container's program, if one has.
func (c *Catcher) executed() *nsutil.Process {
	for pid, one := range c.traced {
		select {
		case e, ok := <-one.trace.Events():
			switch {
			case !ok, e.Kind != linux.TraceExec && (e.Kind != linux.TraceExit || !hasExecuted(pid)):
				_ = c.drop(pid) // one of the runtime's, which has done its part
			case c.isFirst(pid):
				delete(c.traced, pid)
				return one.process
			case one.trace.Resume() != nil:
				_ = c.drop(pid)
			}
		default:
			if one.missed(pid) {
				_ = c.drop(pid) // the runtime's events tell of it
			}
		}
	}
	return nil
}

// missed says whether a process was traced behind its exec, of which nothing comes any more. One
// that is about to stand there looks alike for a moment.
func (o *candidate) missed(pid int) bool {
	if !hasExecuted(pid) || o.trace.Stands() {
		o.late = 0
		return false
	}
	o.late++
	return o.late > maxLate
}

// hasExecuted says whether a process has executed a program since it was forked.
func hasExecuted(pid int) bool {
	stat, err := linux.StatProcess(pid)
	return err == nil && !stat.Forked()
}

// isFirst tells the container's first process from one that the runtime executes in its cgroup, as
// a hook or on the way: its parent is not in the container, neither in its cgroup nor in its mount
// namespace.
func (c *Catcher) isFirst(pid int) bool {
	parent := fmt.Sprintf("/proc/%d/", linux.Parent(pid))
	cgroup, err := os.ReadFile(parent + "cgroup")
	if err != nil || c.holds(cgroup) {
		return false
	}
	theirs, terr := os.Readlink(parent + "ns/mnt")
	own, oerr := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	return terr == nil && oerr == nil && theirs != own
}

// drop lets a process go.
func (c *Catcher) drop(pid int) error {
	one := c.traced[pid]
	delete(c.traced, pid)
	return one.process.Close()
}
