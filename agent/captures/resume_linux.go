package captures

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"dlx/fault"
	"dlx/internal/linux"
)

// Ready looks through the file of a capture that was cut off, and takes out a block at its end that
// is not whole. It is called before the capture's next Begin.
func (c *Capture) Ready() error {
	c.io.Lock()
	defer c.io.Unlock()
	if err := c.lookThrough(); err != nil {
		return err
	}
	if n := c.snapshot().Sections; n >= maxSections {
		return fault.New(fault.TooMany, c.id, "the agent has ended %d times while it went on", n)
	}
	return nil
}

// lookThrough is Ready, once.
func (c *Capture) lookThrough() (err error) {
	if !c.unknown() {
		return nil
	}
	fd, err := linux.OpenUpdateAt(c.store.dir, c.Name())
	if errors.Is(err, linux.ErrNotExist) && c.running() { // the agent ended before it was made
		fd, err = linux.CreateAt(c.store.dir, c.Name(), 0o600)
	}
	if err != nil {
		return fmt.Errorf("look through the capture %s: %w", c.id, err)
	}
	defer func() { err = errors.Join(err, fd.Close()) }()
	st, err := linux.Fstat(fd)
	if err != nil {
		return err
	}
	sum := sha256.New()
	found, err := scan(io.NewSectionReader(readerAt{fd}, 0, st.Size), sum)
	if err != nil {
		return fmt.Errorf("look through the capture %s: %w", c.id, err)
	}
	k := c.snapshot()
	i := &k.Info
	lost := int64(i.Bytes) - found.size
	i.Bytes, i.Packets, i.Dropped = uint64(found.size), found.packets, max(i.Dropped, found.dropped)
	if i.Running() {
		k.openGap(&st, lost)
	}
	if found.size < st.Size {
		err := c.store.save(&k) // since when: the file's time is another one then
		if err == nil {
			err = linux.Truncate(fd, found.size)
		}
		if err != nil {
			return err
		}
	}
	c.store.give(c.owner, c.size-found.size)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size, c.sum, c.state = found.size, sum, k
	return nil
}

// unknown says whether nobody knows yet what the file has.
func (c *Capture) unknown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sum == nil && c.state.Info.SHA256 == ""
}

// openGap notes since when nothing was captured.
func (k *state) openGap(st *linux.Stat, lost int64) {
	gaps := k.Info.Gaps
	if n := len(gaps); n > 0 && gaps[n-1].To.IsZero() { // and lasts: nothing was captured since
		return
	}
	g := Gap{From: k.Paused, Why: "the agent was stopped"}
	if g.From.IsZero() {
		g.From, g.Why = lastWrite(st), "the agent ended without closing the file"
	}
	if lost > 0 {
		g.Why += fmt.Sprintf(", and %d bytes were lost that had been written", lost)
	}
	k.Info.Gaps = append(k.Info.Gaps, g)
}

// readerAt reads a file at offsets.
type readerAt struct{ fd *linux.FD }

func (r readerAt) ReadAt(p []byte, offset int64) (int, error) {
	n, err := linux.ReadAt(r.fd, p, offset)
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}
