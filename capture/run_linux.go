package capture

import (
	"context"
	"errors"
	"slices"
	"time"

	"dlx/internal/failpoint"
)

// statsEvery is how often the figures so far are written. It is also often enough for the kernel,
// which counts in 32 bits.
const statsEvery = 5 * time.Second

// Run hands packets to the sink until ctx ends, which is no error, until a limit is reached,
// or until the sink fails; it returns the sink's error. At the end it lets nothing more in,
// and writes what had been accepted, then the statistics. A sink that blocks holds it up:
// packets then gather in the rings.
//
// It writes the section and its interfaces at once, so that a reader sees that the capture is on.
// Afterwards it writes many packets at a time.
func (c *Capture) Run(ctx context.Context, to Sink) (Stats, error) {
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		c.waiter.Wake()
	})
	defer func() {
		if !stop() {
			<-woken // before the waiter is closed
		}
	}()
	err := to.Begin()
	if err == nil {
		err = c.begin(to)
	}
	failpoint.At("capture.begun")
	if err == nil {
		err = c.follow(ctx, to)
	}
	if err == nil {
		err = c.drain(to)
	}
	failpoint.At("capture.drained")
	err = errors.Join(err, c.count())
	for _, s := range c.sources {
		c.skip(s)
	}
	if err == nil {
		err = c.writeStatistics(to)
	}
	return c.stats, err
}

// begin writes what a reader has to know before the first packet.
func (c *Capture) begin(to Sink) error {
	c.buf = make([]byte, bufferSize)
	c.gather()
	c.appendSection()
	if err := c.takeChanges(); err != nil {
		return err
	}
	return c.flush(to)
}

// follow handles rounds until the context ends or there is enough.
func (c *Capture) follow(ctx context.Context, to Sink) error {
	next := time.Now().Add(statsEvery)
	for ctx.Err() == nil && !c.full() {
		if err := c.takeChanges(); err != nil {
			return err
		}
		if now := time.Now(); now.After(next) {
			next = now.Add(statsEvery)
			if err := errors.Join(c.count(), c.writeStatistics(to)); err != nil {
				return err
			}
		}
		some, err := c.round(to)
		if err == nil {
			err = c.giveUp(to)
		}
		if err != nil {
			return err
		}
		if some {
			continue
		}
		if err := c.wait(time.Until(next)); err != nil {
			return err
		}
	}
	return nil
}

// wait waits until a ring has a block, an interface changed or something else is to be done. A ring
// whose packets have to wait for those of others is not asked: it would answer at once.
func (c *Capture) wait(limit time.Duration) error {
	for _, s := range c.sources {
		if s.more {
			limit = min(limit, orderSlack)
		}
	}
	if err := errors.Join(c.watch(), c.waiter.Wait(max(limit, 0))); err != nil {
		return err
	}
	for _, s := range c.sources {
		_ = c.waiter.TakeError(s.ring.Descriptor()) // its interface went down or away: it may come back, and there are others
		if c.waiter.Ready(s.links.descriptor()) {
			if err := c.update(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// watch has the sources waited for, but for the rings whose packets have to wait themselves.
func (c *Capture) watch() error {
	c.fds = c.fds[:0]
	for _, s := range c.sources {
		c.fds = append(c.fds, s.links.descriptor())
		if !s.more && !s.removed {
			c.fds = append(c.fds, s.ring.Descriptor())
		}
	}
	return c.waiter.Watch(c.fds...)
}

// update takes what the kernel told of a source's interfaces.
func (c *Capture) update(s *source) error {
	var errs []error
	err := s.links.update(func(l *link) { errs = append(errs, s.changed(l)) })
	return errors.Join(append(errs, err)...)
}

// takeChanges takes in new sources, and lets nothing more into those that are to go. What these had
// accepted is written in its time.
func (c *Capture) takeChanges() error {
	c.waiter.Rest() // what wakes it after this is seen in the next round
	coming, going, called := c.changes()
	c.names.add(false, called)
	for _, s := range coming {
		c.sources = append(c.sources, s)
		c.callBy(s)
		for _, l := range s.wanted() {
			if l.up {
				c.describe(s, l)
			}
		}
	}
	err := sideBySide(going, func(s *source) error { return s.ring.Stop() })
	for _, s := range going {
		s.removed = true
	}
	return err
}

// giveUp closes the sources that are to go and of which everything is written.
func (c *Capture) giveUp(to Sink) error {
	var going []*source
	for _, s := range c.sources {
		if s.drained() {
			going = append(going, s)
		}
	}
	if len(going) == 0 {
		return nil
	}
	err := c.countOf(going)
	for _, s := range going {
		c.retire(s)
	}
	c.sources = slices.DeleteFunc(c.sources, (*source).drained)
	err = errors.Join(err, c.flush(to), c.watch()) // before their descriptors are closed, and perhaps used again
	return errors.Join(err, sideBySide(going, (*source).close))
}

// drain lets nothing more in and writes what had been accepted.
func (c *Capture) drain(to Sink) error {
	if err := sideBySide(c.sources, func(s *source) error { return s.ring.Stop() }); err != nil {
		return err
	}
	return c.rest(to)
}

// full says that a limit is reached.
func (c *Capture) full() bool {
	return c.o.Count > 0 && c.stats.Captured >= c.o.Count || c.o.MaxBytes > 0 && c.stats.Bytes+uint64(len(c.out)) >= c.o.MaxBytes
}
