package ran

import (
	"errors"
	"fmt"
	"path"
	"sync"
	"time"

	"dlx/internal/cgroup"
	"dlx/record/audit"
)

// Session is one whose programs are told of. Its owner ends it.
type Session struct {
	w           *Watcher
	o           Options
	mark, group uint64
	missed      uint64 // by the kernel, before it
	read        uint64 // bytes; the watcher's goroutine alone has it

	mu       sync.Mutex
	q        queue
	seen     bool // dlx-init, which comes before all else
	received uint64
	running  map[uint32]uint64 // processes: the number of the program that each runs
	written  uint64            // programs
	dead     bool              // nothing can be written
	once     sync.Once

	some chan struct{} // there is something to write
	full chan struct{} // and a lot
	stop chan struct{}
	done chan struct{}
}

// Options say where a session's programs go.
type Options struct {
	// Write records some. It is called from one goroutine.
	Write func(audit.Ran) error
	// Fail is called once when that fails. With Strict, also when a program can not be told of.
	Fail   func(error)
	Strict bool
}

// ErrNoGroup reports a session that has no control group, by which it could be known.
var ErrNoGroup = errors.New("the session has no control group")

// Why a session is not to go on.
var (
	ErrLost    = errors.New("the kernel could not tell of a program that was started")
	ErrLeftOut = errors.New("more programs are started than the record has room for")
)

// Limits of time.
const (
	writeEvery = 100 * time.Millisecond
	drainLimit = 2 * time.Second
)

// maxRunning bounds the programs whose end is waited for.
const maxRunning = 1 << 14

// Watch has all programs of a session told of that are started from now on. No program of it may
// have been started yet. group is the name of its control group.
func (w *Watcher) Watch(group string, o Options) (*Session, error) {
	if group == "" {
		return nil, ErrNoGroup
	}
	id, err := cgroup.ID(group)
	if err != nil {
		return nil, err
	}
	s := &Session{
		w: w, o: o, group: id, missed: w.kernel.missed(), running: map[uint32]uint64{}, q: newQueue(time.Now()),
		some: make(chan struct{}, 1), full: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if err := w.enter(s); err != nil {
		return nil, fmt.Errorf("watch a session's programs: %w", err)
	}
	go s.run()
	return s, nil
}

func (s *Session) slot() uint32 { return uint32(s.mark % maxSessions) }

// own is the name of the file of a session's first program, which is dlx's own and sealed.
const own = "memfd:dlx-init"

// take takes an event.
func (s *Session) take(e *event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.started == nil {
		s.ended(e)
		return
	}
	s.received++
	if s.received == 1 && e.started.name == own {
		s.seen = true
		return
	}
	n := s.received
	if s.seen {
		n--
	}
	if len(s.running) < maxRunning {
		s.running[e.pid] = n
	}
	s.told(s.q.program(program(n, e), time.Now()))
}

func (s *Session) ended(e *event) {
	n, ok := s.running[e.pid]
	if !ok {
		return
	}
	delete(s.running, e.pid)
	st := audit.Status{End: since(e.time), Signal: int(e.status & 0x7f)}
	if st.Signal == 0 {
		code := int(e.status >> 8 & 0xff)
		st.Exit = &code
	}
	s.told(s.q.end(audit.Ended{N: n, Status: st}, time.Now()))
}

// told has what waits written, soon or at once.
func (s *Session) told(full bool) {
	wake(s.some)
	if full {
		wake(s.full)
	}
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// program is a program as the record has it.
func program(n uint64, e *event) audit.Program {
	from := e.started
	p := audit.Program{
		N: n, Time: since(e.time), PID: e.pid, Parent: from.parent, UID: from.uid, GID: from.gid, Path: from.path, PathCut: from.pathCut,
		Inode: from.inode, Device: fmt.Sprintf("%d:%d", from.device>>20, from.device&(1<<20-1)),
		Args: from.args, ArgsBytes: from.whole, Unread: from.unread,
	}
	if from.euid != from.uid {
		p.EUID = &from.euid
	}
	last := from.path
	if from.interpreter != from.path {
		p.Interpreter, last = from.interpreter, from.interpreter
	}
	if from.name != path.Base(last) {
		p.File = from.name
	}
	return p
}

// run writes what waits, a little later than it comes: many programs are one entry.
func (s *Session) run() {
	defer close(s.done)
	for {
		select {
		case <-s.some:
		case <-s.stop:
			s.write(true)
			return
		}
		select {
		case <-time.After(writeEvery):
		case <-s.full:
		case <-s.stop:
		}
		s.write(false)
	}
}

// write writes all that waits. At the end of a session, the last few are left to End.
func (s *Session) write(end bool) {
	for {
		s.mu.Lock()
		if end && s.q.bytes <= maxLast || s.dead {
			s.mu.Unlock()
			return
		}
		part, left := s.q.next()
		s.mu.Unlock()
		if part != nil {
			err := s.o.Write(*part)
			s.mu.Lock()
			if s.dead = err != nil; !s.dead {
				s.written += uint64(len(part.Programs))
			}
			s.mu.Unlock()
			if err != nil {
				s.fail(err)
				return
			}
			if s.o.Strict && part.LeftOut > 0 {
				s.fail(ErrLeftOut)
			}
		}
		if !left {
			break
		}
	}
	var counted state
	if s.o.Strict && s.w.kernel.maps.state.Lookup(s.slot(), &counted) == nil && counted.Lost > 0 {
		s.fail(ErrLost)
	}
}

func (s *Session) fail(err error) { s.once.Do(func() { s.o.Fail(err) }) }

// End is called when no process of the session is left. It writes what was not yet, but for a few
// programs that it returns, with how many there were.
func (s *Session) End() audit.Ran {
	derr := s.w.drain(drainLimit)
	close(s.stop)
	<-s.done
	counted, err := s.w.leave(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := audit.Ran{Started: max(counted.Started, s.received), Missed: max(s.w.kernel.missed(), s.missed) - s.missed}
	sum.Lost = sum.Started - s.received
	if s.seen {
		sum.Started--
	}
	if last, _ := s.q.next(); last != nil && !s.dead {
		sum.Programs, sum.Ended = last.Programs, last.Ended
	}
	sum.LeftOut = sum.Started - sum.Lost - s.written - uint64(len(sum.Programs))
	switch {
	case err != nil:
		sum.Unknown = err.Error()
	case derr != nil && sum.Lost > 0:
		sum.Unknown = derr.Error()
	case counted.Started == 0: // not even dlx-init
		sum.Unknown = "nothing was started, or the kernel does not tell of it"
	}
	return sum
}
