package audit

import (
	"errors"
	"fmt"
	"time"

	"dlx/internal/failpoint"
	"dlx/internal/linux"
)

// keyFile is the file of the epochs' keys, open.
type keyFile struct {
	fd   *linux.FD
	now  *slot
	next *slot // on the disk already, or nil
}

// createKey makes a log's first key.
func createKey(dir *linux.FD) (*keyFile, error) {
	first, err := newSlot(1)
	if err != nil {
		return nil, err
	}
	text := make([]byte, 2*slotSize)
	copy(text[slotOffset(1):], first.marshal())
	err = createWhole(dir, KeyName, func(fd *linux.FD) error { return linux.WriteAt(fd, text, 0) })
	if err != nil {
		return nil, err
	}
	fd, err := linux.OpenUpdateAt(dir, KeyName)
	if err != nil {
		return nil, err
	}
	return &keyFile{fd: fd, now: first}, nil
}

// openKey opens the key of an epoch, whose public half is known once there is a line.
func openKey(dir *linux.FD, c *chain) (*keyFile, error) {
	fd, err := openOwn(dir, KeyName, linux.OpenUpdateAt)
	if err != nil {
		return nil, fmt.Errorf("open the log's key: %w", err)
	}
	text := make([]byte, 2*slotSize)
	n, err := linux.ReadAt(fd, text, 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the log's key: %w", err), fd.Close())
	}
	k := &keyFile{fd: fd}
	highest := uint64(0)
	for _, s := range slots(text[:n]) {
		highest = max(highest, s.epoch)
		if s.epoch == c.epoch && (c.key == nil || s.public().Equal(c.key)) {
			k.now = s
		} else {
			s.forget()
		}
	}
	clear(text)
	if k.now == nil {
		err := fmt.Errorf("%w: it ends in epoch %d, and the key is of epoch %d", ErrTampered, c.epoch, highest)
		return nil, errors.Join(err, fd.Close())
	}
	return k, k.erase(k.now.epoch + 1) // one that no checkpoint has named, or the one before
}

// prepare has the next key on the disk. Who has time does so ahead: whoever could take that key
// could take the current one, and sign the next one with it.
func (k *keyFile) prepare() (*slot, error) {
	if k.next != nil {
		return k.next, nil
	}
	next, err := newSlot(k.now.epoch + 1)
	if err != nil {
		return nil, err
	}
	if err := linux.WriteAt(k.fd, next.marshal(), slotOffset(next.epoch)); err != nil {
		return nil, err
	}
	failpoint.At("audit.key.written")
	if err := linux.SyncData(k.fd); err != nil {
		return nil, err
	}
	failpoint.At("audit.key.prepared")
	k.next = next
	return next, nil
}

// advance makes the next key the current one, and the old one is gone.
func (k *keyFile) advance(next *slot) error {
	k.now.forget()
	old := k.now.epoch
	k.now, k.next = next, nil
	return k.erase(old)
}

// erase overwrites the place of an epoch's key.
func (k *keyFile) erase(epoch uint64) error {
	if err := linux.WriteAt(k.fd, make([]byte, slotSize), slotOffset(epoch)); err != nil {
		return err
	}
	failpoint.At("audit.key.erasing")
	if err := linux.SyncData(k.fd); err != nil {
		return err
	}
	failpoint.At("audit.key.erased")
	return nil
}

func (k *keyFile) close() error {
	k.now.forget()
	if k.next != nil {
		k.next.forget()
	}
	return k.fd.Close()
}

// clock makes times for lines.
type clock struct {
	o        *Options
	wall     time.Time // of the line before
	mono     time.Duration
	restored bool // wall is that of a writer before
}

// stepLimit is from which difference on the clock is said to have been set.
const stepLimit = time.Second

// stamp sets an entry's time.
func (c *clock) stamp(e *Entry) {
	wall, mono := c.o.now().UTC().Round(0), c.o.mono()
	e.Time, e.Mono = wall, mono.Milliseconds()
	if !c.wall.IsZero() {
		step := wall.Sub(c.wall) - (mono - c.mono)
		if c.restored { // nobody knows for how long there was no writer
			step = min(wall.Sub(c.wall), 0)
		}
		if step.Abs() >= stepLimit {
			e.Step = step.Milliseconds()
		}
	}
	c.wall, c.mono, c.restored = wall, mono, false
}
