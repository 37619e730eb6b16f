package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dlx/internal/failpoint"
	"dlx/internal/linux"
)

// Bounds of what is written at once.
const maxBatch = 256

// run is the one goroutine that writes.
func (l *Log) run() {
	defer close(l.done)
	timer := time.NewTicker(l.o.Interval)
	defer timer.Stop()
	for {
		select {
		case r := <-l.queue:
			l.w.commit(l.gather(r))
			l.w.ahead()
		case <-timer.C:
			l.w.beat()
			l.w.ahead()
		case <-l.quit:
			for {
				select {
				case r := <-l.queue:
					l.w.commit(l.gather(r))
				default:
					return
				}
			}
		}
	}
}

// gather takes along what else waits.
func (l *Log) gather(first *request) []*request {
	batch := []*request{first}
	for len(batch) < maxBatch {
		select {
		case r := <-l.queue:
			batch = append(batch, r)
		default:
			return batch
		}
	}
	return batch
}

// writer writes the log's lines. It belongs to one goroutine at a time.
type writer struct {
	o     *Options
	lock  *linux.FD
	store store
	keys  *keyFile
	clock clock
	host  string
	lost  func(error)
	fail  error // sticky

	seq    uint64
	prev   string
	open   map[string]bool // operations under way
	begun  time.Duration   // the file, on the clock that nobody sets
	sealed time.Duration   // when the last checkpoint was
	fresh  int             // lines since then
	sink   *sender
}

// draft is a batch of lines that are not yet on the disk, and the state that they lead to.
type draft struct {
	w      *writer
	text   []byte
	seq    uint64
	prev   string
	epoch  uint64
	key    *slot
	opened []string
	closed []string
	lines  int
}

func (w *writer) draft() *draft {
	return &draft{w: w, seq: w.seq, prev: w.prev, epoch: w.keys.now.epoch, key: w.keys.now}
}

// add adds a line. size is its limit in bytes.
func (d *draft) add(e Entry, size int) ([]byte, error) {
	e.V, e.Seq, e.Prev, e.Epoch, e.Step = Version, d.seq+1, d.prev, d.epoch, 0
	before := d.w.clock
	d.w.clock.stamp(&e)
	line, err := encode(&e, d.key.key, size)
	if err != nil {
		d.w.clock = before
		return nil, err
	}
	d.seq, d.prev = e.Seq, digest(line)
	d.text = append(append(d.text, line...), '\n')
	d.lines++
	return line, nil
}

// after is the room that has to be left behind a draft: the ends of all that is under way, and a
// checkpoint and a stop.
func (d *draft) after() int64 {
	return int64(len(d.w.open)+len(d.opened)-len(d.closed))*maxEnd + reserveRest
}

// request adds a request's line, if there is room for it and for all ends.
func (d *draft) request(e Entry) (uint64, error) {
	w := d.w
	size := maxLine
	switch e.Kind {
	case KindBegin:
		if w.open[e.ID] || slices.Contains(d.opened, e.ID) {
			return 0, ErrBadID
		}
		if len(w.open)+len(d.opened)-len(d.closed) >= w.o.MaxOpen {
			return 0, ErrTooMany
		}
	case KindEnd:
		if w.open[e.ID] && !slices.Contains(d.closed, e.ID) {
			if _, err := d.add(e, maxEnd); err != nil {
				return 0, err
			}
			d.closed = append(d.closed, e.ID)
			return d.seq, nil // there is room for it since its begin
		}
	}
	// Besides the line there are a checkpoint and the end of what begins.
	need := int64(len(d.text)) + int64(size) + d.after() + 2*maxEnd
	if err := w.store.reserve(need); err != nil {
		return 0, err
	}
	if _, err := d.add(e, size); err != nil {
		return 0, err
	}
	if e.Kind == KindBegin {
		d.opened = append(d.opened, e.ID)
	}
	return d.seq, nil
}

// commit records requests with one write and one sync, and answers them.
func (w *writer) commit(batch []*request) {
	if w.fail == nil {
		w.try(w.ready())
	}
	if w.fail != nil {
		for _, r := range batch {
			r.tell(answer{err: w.fail})
		}
		return
	}
	d := w.draft()
	answers := make([]answer, len(batch))
	seal := false
	for i, r := range batch {
		a := &answers[i]
		switch {
		case r.seal:
			a.err = w.store.reserve(int64(len(d.text)) + d.after() + maxEnd)
			seal = seal || a.err == nil
		case r.state.Load() == givenUp:
			a.err = context.Canceled
		default:
			a.seq, a.err = d.request(r.entry)
			seal = seal || a.err == nil && r.entry.Kind == KindBegin && !w.o.LateSeal
		}
	}
	unsent := w.put(d, seal)
	for i, r := range batch {
		w.answer(r, answers[i], unsent)
	}
}

// answer tells who asked what has become of a request, once the batch has been written.
func (w *writer) answer(r *request, a answer, unsent error) {
	if a.err == nil {
		a.err = w.fail
	}
	begun := r.entry.Kind == KindBegin && a.err == nil
	if begun || r.seal && a.err == nil {
		a.err = unsent
	}
	if told := r.tell(a); begun && (!told || a.err != nil) {
		w.abandon(r.entry.ID)
	}
}

// abandon ends an operation that has begun in the log alone.
func (w *writer) abandon(id string) {
	if w.fail != nil {
		return
	}
	d := w.draft()
	_, err := d.request(Entry{Kind: KindEnd, ID: id, Outcome: &Outcome{Error: "it was not begun: who asked did not hear that it was recorded"}})
	w.try(errors.Join(err, w.put(d, false)))
}

// put writes a draft, and a checkpoint behind it if seal says so. Its error is the sink's; all
// others are sticky.
func (w *writer) put(d *draft, seal bool) (sink error) {
	if d.lines == 0 && !seal {
		return nil
	}
	var next *slot
	var line []byte
	if seal {
		var err error
		if next, err = w.keys.prepare(); err != nil {
			w.try(fmt.Errorf("prepare the next key: %w", err))
			return nil
		}
		if line, err = d.add(w.checkpoint(KindCheckpoint, next), maxEnd); err != nil {
			w.try(err)
			return nil
		}
	}
	return w.write(d, next, line)
}

// ahead prepares the next key while nobody waits for it. An error comes again when somebody does.
func (w *writer) ahead() {
	if w.fail == nil {
		_, _ = w.keys.prepare()
	}
}

func (w *writer) checkpoint(kind Kind, next *slot) Entry {
	return Entry{Kind: kind, Checkpoint: &Checkpoint{
		Key: publicText(w.keys.now.public()), Next: publicText(next.public()), Unsent: w.sink.unsent.Load(),
	}}
}

// write writes a draft, which ends an epoch if it has a next key.
func (w *writer) write(d *draft, next *slot, line []byte) (sink error) {
	failpoint.At("audit.writing")
	if err := w.store.append(d.text); err != nil {
		w.try(err)
		return nil
	}
	w.seq, w.prev = d.seq, d.prev
	w.fresh += d.lines
	for _, id := range d.opened {
		w.open[id] = true
	}
	for _, id := range d.closed {
		delete(w.open, id)
	}
	if next == nil {
		return nil
	}
	if err := w.keys.advance(next); err != nil {
		w.try(fmt.Errorf("destroy the epoch's key: %w", err))
		return nil
	}
	w.fresh, w.sealed = 0, w.o.mono()
	return w.sink.send(line)
}

// try makes an error sticky.
func (w *writer) try(err error) {
	if err == nil || w.fail != nil {
		return
	}
	w.fail = err
	if w.lost != nil {
		w.lost(err)
	}
}

// ready looks at the file, and begins the next one when this one is large or old enough.
func (w *writer) ready() error {
	if err := w.store.check(); err != nil {
		return err
	}
	if w.store.size < w.o.MaxBytes && w.o.mono()-w.begun < w.o.MaxAge {
		return nil
	}
	err := w.rotate(nil)
	if errors.Is(err, ErrFull) {
		return nil // this one has the room for what is under way
	}
	return err
}

// beat looks at the log when nobody asks, and seals what waits for it.
func (w *writer) beat() {
	if w.fail != nil {
		return
	}
	if w.try(w.ready()); w.fail != nil {
		return
	}
	if w.fresh > 0 || w.o.mono()-w.sealed >= w.o.Heartbeat {
		d := w.draft()
		if w.store.reserve(d.after()+maxEnd) == nil { // a full disk makes it wait: the key stays
			_ = w.put(d, true) // counted in unsent
		}
	}
}
