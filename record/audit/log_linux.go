package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/record"
)

// Log is an audit log that is open for writing. Its methods are for any goroutine.
type Log struct {
	o     Options
	dir   string
	queue chan *request
	quit  chan struct{} // closed to end the writer
	done  chan struct{} // closed when it has ended
	gone  chan struct{} // closed when the log is lost
	once  sync.Once

	mu   sync.Mutex
	lost error // why nothing is recorded any more

	w *writer
}

// request is an entry on its way.
type request struct {
	entry  Entry
	seal   bool // a checkpoint is wanted, and there is no entry
	answer chan answer
	state  atomic.Int32
}

type answer struct {
	seq uint64
	err error
}

// States of a request: its caller has the answer, or has given up before.
const (
	waiting int32 = iota
	answered
	givenUp
)

// Open opens the log in a directory and makes it if need be. It notes that it was opened. A log
// that is not as its last writer left it is refused, and nothing of it is changed. All errors of a
// log are fault.NoRecord; ErrFull and the like are wrapped. Requires Linux 5.1.
func Open(dir string, o Options) (*Log, error) {
	o = o.defaults()
	l := &Log{
		o: o, dir: dir, queue: make(chan *request, 64),
		quit: make(chan struct{}), done: make(chan struct{}), gone: make(chan struct{}),
	}
	w, err := openWriter(dir, &l.o)
	if err != nil {
		return nil, l.failure("open the audit log", err)
	}
	l.w = w
	w.lost = l.lose
	go l.run()
	return l, nil
}

func (l *Log) failure(what string, err error) error {
	return fault.New(fault.NoRecord, l.dir, "%s %s: %w", what, l.dir, err)
}

// Append records an entry. When it returns without an error the entry is on the disk; otherwise
// what it tells of must not be done. Without LateSeal a begin is sealed then, too. Who gives up by
// ctx is not told what has become of the entry; a begin among these gets its end by itself.
func (l *Log) Append(ctx context.Context, e Entry) (seq uint64, err error) {
	if (e.Kind == KindBegin || e.Kind == KindEnd) && !record.ValidID(e.ID) {
		return 0, l.failure("write the audit log", ErrBadID)
	}
	return l.ask(ctx, &request{entry: e})
}

// Checkpoint ends the epoch now, and destroys its key.
func (l *Log) Checkpoint(ctx context.Context) error {
	_, err := l.ask(ctx, &request{seal: true})
	return err
}

func (l *Log) ask(ctx context.Context, r *request) (uint64, error) {
	r.answer = make(chan answer, 1)
	err := ctx.Err()
	if err == nil {
		select {
		case l.queue <- r:
		case <-ctx.Done():
			err = ctx.Err()
		case <-l.done:
			err = ErrClosed
		}
	}
	if err != nil {
		return 0, l.failure("write the audit log", err)
	}
	select {
	case a := <-r.answer:
		return l.got(a)
	case <-ctx.Done():
	case <-l.done:
	}
	if r.state.CompareAndSwap(waiting, givenUp) {
		if ctx.Err() == nil {
			return 0, l.failure("write the audit log", ErrClosed)
		}
		return 0, l.failure("write the audit log", ctx.Err())
	}
	return l.got(<-r.answer)
}

func (l *Log) got(a answer) (uint64, error) {
	if a.err != nil {
		return 0, l.failure("write the audit log", a.err)
	}
	return a.seq, nil
}

// tell answers a request. It returns false if nobody waits any more.
func (r *request) tell(a answer) bool {
	if !r.state.CompareAndSwap(waiting, answered) {
		return false
	}
	r.answer <- a
	return true
}

// Lost is closed when the log can not be written any more, until it is opened again. What is under
// way then goes on without a record, unless it is ended.
func (l *Log) Lost() <-chan struct{} { return l.gone }

// Err is why, nil before that.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == nil {
		return nil
	}
	return l.failure("write the audit log", l.lost)
}

func (l *Log) lose(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == nil {
		l.lost = err
		close(l.gone)
	}
}

// Close notes that the log is closed, and closes it. Entries that wait are recorded before.
func (l *Log) Close() error {
	var err error
	l.once.Do(func() {
		close(l.quit)
		<-l.done
		l.mu.Lock()
		lost := l.lost
		l.mu.Unlock()
		if lost == nil {
			err = l.w.stop()
		}
		if err = errors.Join(err, l.w.close()); err != nil {
			err = l.failure("close the audit log", err)
		}
	})
	return err
}

// lockName is the file whose lock the writer has.
const lockName = "lock"

// takeLock is the lock of the log's one writer.
func takeLock(dir *linux.FD) (*linux.FD, error) {
	fd, _, err := linux.OpenOutputAt(dir, lockName, 0o600)
	if err != nil {
		return nil, err
	}
	ok, err := linux.LockRange(fd, 0, 1)
	if err == nil && !ok {
		err = ErrLocked
	}
	if err != nil {
		return nil, errors.Join(err, fd.Close())
	}
	return fd, nil
}

// Running says whether a log has a writer.
func Running(dir string) (bool, error) {
	fd, err := linux.OpenRead(dir + "/" + lockName)
	if errors.Is(err, linux.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for the audit log's writer: %w", err)
	}
	defer fd.Close()
	return linux.RangeLocked(fd, 0, 1)
}
