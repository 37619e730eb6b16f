package cast

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"
	"time"

	"dlx/fault"
	"dlx/internal/failpoint"
	"dlx/internal/linux"
	"dlx/internal/outfile"
	"dlx/record"
)

// Options of a recording. Zero values are the defaults.
type Options struct {
	Width, Height int    // 80, 24
	Title, Term   string // for the header
	Input         bool   // record what is typed, passwords included
	MaxBytes      int64  // of the file; 256 MiB
	// GoOn lets the session go on without a record once MaxBytes are reached. Otherwise that ends
	// it.
	GoOn bool
	// Sync is how long bytes may be on their way to the disk; a second. Below zero, no event
	// returns before it is there.
	Sync time.Duration
}

// Why a recording has ended. Each is within a fault.NoRecord.
var (
	ErrLimit   = errors.New("it is as long as it may become")
	ErrTouched = errors.New("its file was removed, or somebody else has written to it")
	ErrClosed  = errors.New("it is complete")
	ErrName    = errors.New("this is no name for one")
)

// Bounds.
const (
	defaultBytes = 256 << 20
	maxData      = 32 << 10 // of an event, in bytes before they are written as JSON
	lastWords    = 256      // room for the marker that tells of the limit
)

// tempPrefix begins the names of recordings that have not begun.
const tempPrefix = ".new-"

// Recording is one that is being written. Its methods are for any goroutine.
type Recording struct {
	o     Options
	name  string
	begun time.Time
	done  chan struct{} // closed by Close
	sync  sync.WaitGroup

	mu      sync.Mutex
	fd      *linux.FD
	sum     hash.Hash
	size    int64
	dirty   bool
	closed  bool
	cut     bool
	failed  error
	enders  []context.CancelCauseFunc
	streams []*source
}

// source is one of a session's streams.
type source struct {
	code Code
	decoder
}

// Result is what a recording has become.
type Result struct {
	Name   string // of the file
	Bytes  int64
	SHA256 string // of the whole file, in hex
	Cut    bool   // the session went on without it
}

// Create makes the file ID.cast in a directory, which is made if need be, and writes its beginning:
// from then on it is there, also after the power has failed. Nobody but its user may look into the
// directory. It is locked while it is written, so that Sweep leaves it. Errors are fault.NoRecord.
func Create(dir, id string, o Options) (*Recording, error) {
	o.Width, o.Height = cmp.Or(o.Width, 80), cmp.Or(o.Height, 24)
	o.MaxBytes, o.Sync = cmp.Or(o.MaxBytes, defaultBytes), cmp.Or(o.Sync, time.Second)
	r := &Recording{o: o, name: id + Suffix, begun: time.Now(), done: make(chan struct{}), sum: sha256.New()}
	if err := r.create(dir, id); err != nil {
		return nil, r.failure("make", err)
	}
	if o.Sync > 0 {
		r.sync.Go(r.flush)
	}
	return r, nil
}

func (r *Recording) failure(what string, err error) error {
	return fault.New(fault.NoRecord, r.name, "%s the recording %s: %w", what, r.name, err)
}

func (r *Recording) create(dir, id string) (err error) {
	if !record.ValidID(id) {
		return ErrName
	}
	d, err := outfile.Private(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if r.fd, err = linux.CreateAt(d, tempPrefix+r.name, 0o600); err != nil {
		return err
	}
	failpoint.At("cast.created")
	name := tempPrefix + r.name
	defer func() {
		if err != nil {
			err = errors.Join(err, linux.UnlinkAt(d, name), r.fd.Close())
		}
	}()
	// Whoever sees the name sees the lock.
	if ok, err := linux.LockRange(r.fd, 0, 1); err != nil || !ok {
		return errors.Join(err, ErrTouched)
	}
	h := Header{Version: 2, Width: r.o.Width, Height: r.o.Height, Timestamp: r.begun.Unix(), Title: r.o.Title}
	if r.o.Term != "" {
		h.Env = map[string]string{"TERM": r.o.Term}
	}
	line, err := h.line()
	if err != nil {
		return err
	}
	if err := r.put(line); err != nil {
		return err
	}
	failpoint.At("cast.begun")
	if err := linux.Sync(r.fd); err != nil {
		return err
	}
	if err := linux.RenameNoReplace(d, name, r.name); err != nil {
		return err
	}
	name = r.name
	failpoint.At("cast.named")
	return linux.Sync(d)
}

// put writes a line.
func (r *Recording) put(line []byte) error {
	if _, err := linux.Write(r.fd, line); err != nil {
		return err
	}
	r.sum.Write(line)
	r.size += int64(len(line))
	r.dirty = true
	if r.o.Sync < 0 {
		r.dirty = false
		return linux.SyncData(r.fd)
	}
	return nil
}

// record writes an event, in parts if it is large. Without an error it is in the file, unless the
// session may go on without it.
func (r *Recording) record(code Code, data string) error {
	for len(data) > maxData {
		n := maxData
		for data[n]&0xc0 == 0x80 { // not within a character
			n--
		}
		if err := r.record(code, data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	switch {
	case r.closed:
		return r.failure("write", ErrClosed)
	case r.failed != nil:
		return r.failed
	case r.cut:
		return nil
	}
	e := Event{time.Since(r.begun), code, data}
	line, err := e.line()
	if err == nil && r.size+int64(len(line))+lastWords > r.o.MaxBytes {
		e.Code, e.Data = Marker, fmt.Sprintf("the recording ends here: its limit is %d bytes", r.o.MaxBytes)
		if line, err = e.line(); err == nil {
			err = r.put(line)
		}
		if err == nil && r.o.GoOn {
			r.cut = true
			return nil
		}
		err = cmp.Or(err, ErrLimit)
	} else if err == nil {
		err = r.put(line)
	}
	return r.fail(err)
}

// fail ends the sessions whose recording can not go on.
func (r *Recording) fail(err error) error {
	if err == nil || r.failed != nil {
		return r.failed
	}
	r.failed = r.failure("write", err)
	for _, end := range r.enders {
		end(r.failed)
	}
	return r.failed
}

// write records bytes of a stream.
func (r *Recording) write(s *source, p []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if data := s.text(p); data != "" {
		return r.record(s.code, data)
	}
	return r.failed
}

// Resize records the terminal's size.
func (r *Recording) Resize(rows, cols uint16) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.record(Resize, fmt.Sprintf("%dx%d", cols, rows))
}

// Marker records a note.
func (r *Recording) Marker(label string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.record(Marker, string([]rune(label)))
}

// flush has the bytes on the disk from time to time, until Close.
func (r *Recording) flush() {
	timer := time.NewTicker(r.o.Sync)
	defer timer.Stop()
	for {
		select {
		case <-r.done:
			return
		case <-timer.C:
		}
		r.mu.Lock()
		dirty, fd := r.dirty, r.fd
		r.dirty = false
		r.mu.Unlock()
		if !dirty {
			continue
		}
		if err := linux.SyncData(fd); err != nil { // Close waits for this
			r.mu.Lock()
			_ = r.fail(err) // who writes next is told
			r.mu.Unlock()
		}
	}
}

// Close completes the recording. Its error is why it is not whole.
func (r *Recording) Close() (Result, error) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return Result{}, r.failure("close", ErrClosed)
	}
	for _, s := range r.streams {
		if rest := s.end(); rest != "" {
			_ = r.record(s.code, rest) // kept in failed
		}
	}
	r.closed = true
	r.mu.Unlock()
	close(r.done)
	r.sync.Wait()
	failpoint.At("cast.ending")
	err := errors.Join(linux.Sync(r.fd), r.check())
	if err != nil {
		err = r.failure("close", err)
	}
	res := Result{Name: r.name, Bytes: r.size, SHA256: hex.EncodeToString(r.sum.Sum(nil)), Cut: r.cut}
	return res, errors.Join(r.failed, err, r.fd.Close())
}

// check is an error if the file is not what was written.
func (r *Recording) check() error {
	st, err := linux.Fstat(r.fd)
	if err == nil && (st.Nlink != 1 || st.Size != r.size) {
		err = ErrTouched
	}
	return err
}
