package captures

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"slices"
	"sync"
	"time"

	"dlx/agent/identity"
	"dlx/capture"
	"dlx/capture/pcapng"
	"dlx/fault"
	"dlx/internal/failpoint"
	"dlx/internal/linux"
)

// Capture is one that is kept. It is the sink of an engine's capture: New or, for one that was cut
// off, Ready; Begin and Blocks; and Finish or Pause at last.
type Capture struct {
	store *Store
	id    string
	owner string // identity.Caller.ID
	def   Definition
	done  chan struct{} // closed when it is not written any more

	io   sync.Mutex // held while the disk is waited for
	fd   *linux.FD  // while it is written
	gap  string     // what the next section is to say of the time before it
	sync chan struct{}
	wg   sync.WaitGroup // of the one that syncs

	mu     sync.Mutex
	state  state
	size   int64     // bytes on the disk
	sum    hash.Hash // of Info.Bytes; nil until the file was looked through
	dirty  bool
	failed error
}

var _ capture.Sink = (*Capture)(nil)

func newCapture(s *Store, k state) *Capture {
	return &Capture{store: s, id: k.Info.ID, owner: k.Definition.Caller.ID(), def: k.Definition, state: k, done: make(chan struct{})}
}

// ID names the capture.
func (c *Capture) ID() string { return c.id }

// Name is that of its file.
func (c *Capture) Name() string { return c.id + dataSuffix }

// Definition is what it is of. The limits that it lacked are filled in.
func (c *Capture) Definition() Definition { return c.def }

// Owned says whether it is somebody's own.
func (c *Capture) Owned(by *identity.Caller) bool { return c.owner == by.ID() }

// Done is closed when it is not written any more, in this process.
func (c *Capture) Done() <-chan struct{} { return c.done }

// Info is what is told of it.
func (c *Capture) Info() Info {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.state.Info
	i.Gaps = slices.Clone(i.Gaps)
	return i
}

func (c *Capture) running() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Info.Running()
}

// begun says whether it is on the disk.
func (c *Capture) begun() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Sections > 0
}

// Begin is capture.Sink's: from then on the capture is on the disk, also after the power has
// failed.
func (c *Capture) Begin() (err error) {
	c.io.Lock()
	defer c.io.Unlock()
	now := c.store.now()
	first := !c.begun()
	k := c.snapshot()
	if first {
		k.Info.Started, k.Info.Until = now, now.Add(c.def.Duration)
	} else {
		c.gap = c.closeGap(&k, now)
	}
	k.Sections, k.Paused = k.Sections+1, time.Time{}
	if err := c.store.save(&k); err != nil {
		return err
	}
	failpoint.At("captures.saved")
	if first {
		c.fd, err = linux.CreateAt(c.store.dir, c.Name(), 0o600)
	} else {
		c.fd, err = linux.OpenAppendAt(c.store.dir, c.Name())
	}
	if err == nil {
		err = linux.Sync(c.store.dir)
	}
	if err != nil {
		return full(err)
	}
	failpoint.At("captures.created")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = k
	if first {
		c.sum = sha256.New()
	}
	c.sync = make(chan struct{})
	c.wg.Go(func() { c.flush(c.fd, c.sync) })
	return nil
}

// closeGap notes that the time without the agent is over, and says so for the file.
func (c *Capture) closeGap(k *state, now time.Time) string {
	g := &k.Info.Gaps[len(k.Info.Gaps)-1]
	g.To = now
	const layout = time.RFC3339Nano
	return fmt.Sprintf("%s: nothing was captured from %s to %s, for %s", g.Why, g.From.UTC().Format(layout), now.UTC().Format(layout), now.Sub(g.From).Round(time.Millisecond))
}

// snapshot is the state as it is.
func (c *Capture) snapshot() state {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.state
	k.Info.Gaps = slices.Clone(k.Info.Gaps)
	return k
}

// Blocks is capture.Sink's. What does not get there whole is taken out again. A disk that is slow
// holds up no other capture: this one's packets wait in its ring, until the kernel drops some, and
// counts them.
func (c *Capture) Blocks(b []byte, packets, dropped uint64) error {
	c.io.Lock()
	defer c.io.Unlock()
	if err := c.failure(); err != nil {
		return err
	}
	if c.gap != "" {
		section, err := pcapng.First(b)
		if err != nil || section == nil {
			return errors.Join(errors.New("a capture does not begin with a section"), err)
		}
		b = append(section.AppendCommented(nil, c.gap), b[len(section):]...)
		c.gap = ""
	}
	if err := c.store.take(c.owner, int64(len(b))); err != nil {
		return c.fail(err)
	}
	n, err := linux.Write(c.fd, b)
	whole := n
	if err != nil {
		whole, packets = pcapng.Whole(b[:n]), 0
		c.store.give(c.owner, int64(len(b)-whole))
		err = errors.Join(full(err), linux.Truncate(c.fd, int64(c.state.Info.Bytes)+int64(whole)))
	}
	c.mu.Lock()
	c.sum.Write(b[:whole])
	i := &c.state.Info
	i.Bytes, i.Packets, i.Dropped = i.Bytes+uint64(whole), i.Packets+packets, i.Dropped+dropped
	c.size, c.dirty = int64(i.Bytes), true
	c.mu.Unlock()
	failpoint.At("captures.written")
	return c.fail(err)
}

func (c *Capture) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// fail keeps why nothing more is written.
func (c *Capture) fail(err error) error {
	if err == nil {
		return nil
	}
	if fault.Of(err) == nil {
		err = fault.New(fault.Internal, c.id, "write the capture %s: %w", c.id, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = errors.Join(c.failed, err)
	return err
}
