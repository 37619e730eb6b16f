package ran

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"

	"dlx/internal/cgroup"
	"dlx/internal/linux"
)

// Watcher tells of sessions' programs. Its methods are for any goroutine.
type Watcher struct {
	kernel *kernel
	reader *ringbuf.Reader
	done   chan struct{} // closed when nothing is read any more

	mu       sync.Mutex
	sessions map[uint64]*Session // by their marks
	free     []uint32            // slots
	last     uint64              // session's number
	waiting  []chan struct{}     // for all that is in the ring by now
	broken   error               // why nothing is read any more
}

// ErrTooMany reports that as many sessions are watched as can be.
var ErrTooMany = errors.New("too many sessions are watched")

// Open begins to tell of programs. Its owner closes it. It requires Linux 5.8 with the types of the
// kernel (CONFIG_DEBUG_INFO_BTF), tracepoints for eBPF (CONFIG_BPF_EVENTS), CAP_BPF and
// CAP_PERFMON.
func Open() (w *Watcher, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("have the kernel tell of programs: %w", err)
		}
	}()
	controller, err := cgroup.Telling()
	if err != nil {
		return nil, err
	}
	k, err := load(controller)
	if err != nil {
		return nil, err
	}
	w = &Watcher{kernel: k, done: make(chan struct{}), sessions: map[uint64]*Session{}}
	for slot := range uint32(maxSessions) {
		w.free = append(w.free, maxSessions-1-slot)
	}
	if w.reader, err = ringbuf.NewReader(k.maps.ring); err != nil {
		return nil, errors.Join(err, k.close())
	}
	go w.run()
	return w, nil
}

// Close ends it. Sessions that go on are told of no more.
func (w *Watcher) Close() error {
	if w == nil {
		return nil
	}
	err := w.reader.Close()
	<-w.done
	return errors.Join(err, w.kernel.close())
}

// run reads what the kernel tells.
func (w *Watcher) run() {
	defer close(w.done)
	r := &round{w: w, bytes: map[*Session]uint64{}}
	for {
		err := r.next()
		if errors.Is(err, ringbuf.ErrFlushed) {
			err = w.all(r)
		}
		if err != nil {
			w.fail(err)
			return
		}
	}
}

// fail is called when nothing is read any more.
func (w *Watcher) fail(err error) {
	w.mu.Lock()
	w.broken = err
	w.release(w.waiting)
	w.waiting = nil
	var left []*Session
	for _, s := range w.sessions {
		left = append(left, s)
	}
	w.mu.Unlock()
	for _, s := range left {
		if s.o.Strict {
			s.fail(err)
		}
	}
}

// round is what was read since the kernel was last told how far that has got.
type round struct {
	w      *Watcher
	record ringbuf.Record
	bytes  map[*Session]uint64
	events int
}

// maxRound is after how many events the kernel is told.
const maxRound = 64

// next waits for an event, and hands it over.
func (r *round) next() error {
	if err := r.w.reader.ReadInto(&r.record); err != nil {
		return err
	}
	if e := parseEvent(r.record.RawSample); e != nil {
		r.w.mu.Lock()
		s := r.w.sessions[e.mark]
		r.w.mu.Unlock()
		if s != nil {
			s.take(e)
			r.bytes[s] += uint64(len(r.record.RawSample))
		}
	}
	if r.events++; r.events < maxRound && r.record.Remaining > 0 {
		return nil
	}
	for s, n := range r.bytes {
		s.read += n
		if err := r.w.kernel.maps.taken.Put(s.slot(), s.read); err != nil {
			return err
		}
	}
	clear(r.bytes)
	r.events = 0
	return nil
}

// all reads all that is in the ring, and releases those that have waited for it.
func (w *Watcher) all(r *round) error {
	w.mu.Lock()
	waiting := w.waiting
	w.waiting = nil
	w.mu.Unlock()
	w.reader.SetDeadline(time.Now())
	defer w.reader.SetDeadline(time.Time{})
	for {
		err := r.next()
		switch {
		case err == nil, errors.Is(err, ringbuf.ErrFlushed): // by who waits for the next time
		case errors.Is(err, os.ErrDeadlineExceeded):
			w.mu.Lock()
			defer w.mu.Unlock()
			w.release(waiting)
			if len(w.waiting) > 0 {
				return w.reader.Flush()
			}
			return nil
		default:
			return err
		}
	}
}

func (w *Watcher) release(waiting []chan struct{}) {
	for _, c := range waiting {
		close(c)
	}
}

// drain waits until all has been read that the kernel has told by now.
func (w *Watcher) drain(limit time.Duration) error {
	c := make(chan struct{})
	w.mu.Lock()
	if w.broken != nil {
		defer w.mu.Unlock()
		return w.broken
	}
	w.waiting = append(w.waiting, c)
	w.mu.Unlock()
	if err := w.reader.Flush(); err != nil {
		return err
	}
	select {
	case <-c:
		return nil
	case <-time.After(limit):
		return fmt.Errorf("what the kernel tells was not read within %v", limit)
	}
}

// enter has the kernel tell of the session in a control group.
func (w *Watcher) enter(s *Session) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.broken != nil:
		return w.broken
	case len(w.free) == 0:
		return ErrTooMany
	}
	w.last++
	slot := w.free[len(w.free)-1]
	s.mark = w.last*maxSessions + uint64(slot)
	m := w.kernel.maps
	err := errors.Join(m.taken.Put(slot, uint64(0)), m.state.Put(slot, &state{Mark: s.mark}))
	if err == nil {
		err = m.groups.Put(s.group, s.mark)
	}
	if err != nil {
		return err
	}
	w.free = w.free[:len(w.free)-1]
	w.sessions[s.mark] = s
	return nil
}

// leave ends that, and returns what the kernel has counted.
func (w *Watcher) leave(s *Session) (counted state, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.kernel.maps
	delete(w.sessions, s.mark)
	if err = m.groups.Delete(s.group); errors.Is(err, ebpf.ErrKeyNotExist) {
		err = nil
	}
	err = errors.Join(err, m.state.Lookup(s.slot(), &counted), m.state.Put(s.slot(), &state{}))
	if err == nil {
		w.free = append(w.free, s.slot())
	}
	return counted, err
}

// since is a time of the kernel's as the clock has it.
func since(ns uint64) time.Time {
	now := time.Now()
	mono, err := linux.Monotonic()
	if err != nil {
		return now
	}
	return now.Add(time.Duration(ns) - mono)
}
