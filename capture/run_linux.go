package capture

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"

	"dlx/capture/pcapng"
)

// countEvery is how often the kernel's figures are taken: it counts in 32 bits.
const countEvery = time.Minute

// Run writes packets to w as pcapng until ctx ends, which is no error, the count is reached, or w fails. When it ends,
// nothing more is let in, what had been accepted is written, and then the statistics. A Write that blocks holds it up:
// meanwhile packets gather in the rings.
//
// The section and its interfaces are written at once, so that a reader sees that the capture is on; after that it is one
// write for a block of packets.
func (c *Capture) Run(ctx context.Context, w io.Writer) (Stats, error) {
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
	err := c.begin(w)
	if err == nil {
		err = c.follow(ctx, w)
	}
	if err == nil {
		err = c.drain(w)
	}
	err = errors.Join(err, c.count())
	if err == nil {
		err = c.finish(w)
	}
	return c.stats, err
}

// begin writes what a reader has to know before the first packet.
func (c *Capture) begin(w io.Writer) error {
	b := pcapng.AppendSection(c.out[:0], &pcapng.Section{Hardware: runtime.GOARCH, OS: "Linux", Application: c.o.Application})
	for i, l := range c.links {
		b = pcapng.AppendInterface(b, &pcapng.Interface{
			LinkType: l.linkType, SnapLen: uint32(c.o.SnapLen), Name: l.name, Description: c.o.Description, MAC: l.mac,
			Filter: c.o.Filter, OS: "Linux",
		})
		c.perLink = append(c.perLink, pcapng.Statistics{Interface: uint32(i), Start: uint64(time.Now().UnixNano())})
	}
	c.out = b
	return c.flush(w)
}

// follow handles rounds until the context ends or there are enough packets.
func (c *Capture) follow(ctx context.Context, w io.Writer) error {
	counted := time.Now()
	for ctx.Err() == nil && !c.full() {
		if now := time.Now(); now.Sub(counted) > countEvery {
			counted = now
			if err := c.count(); err != nil {
				return err
			}
		}
		some, err := c.round(w)
		if err != nil {
			return err
		}
		if some {
			continue
		}
		if err := c.waiter.Wait(-1); err != nil {
			return err
		}
		for i := range c.rings {
			_ = c.waiter.TakeError(i) // its interface went down or away: it may come back, and there are others
		}
	}
	return nil
}

// drain lets nothing more in and writes what had been accepted: the kernel hands over a block that is not full within
// the latency.
func (c *Capture) drain(w io.Writer) error {
	c.waiter.Rest()
	for _, r := range c.rings {
		if err := r.Stop(); err != nil {
			return err
		}
	}
	for until := time.Now().Add(2*c.o.Latency + 10*time.Millisecond); !c.full(); {
		some, err := c.round(w)
		if err != nil {
			return err
		}
		if some {
			continue
		}
		left := time.Until(until)
		if c.empty() || left <= 0 {
			return nil
		}
		if err := c.waiter.Wait(left); err != nil {
			return err
		}
		for i := range c.rings {
			_ = c.waiter.TakeError(i)
		}
	}
	return nil
}

func (c *Capture) full() bool { return c.o.Count > 0 && c.stats.Captured >= c.o.Count }

func (c *Capture) empty() bool {
	for _, r := range c.rings {
		if !r.Empty() {
			return false
		}
	}
	return true
}

// count adds up the kernel's figures.
func (c *Capture) count() error {
	c.stats.Received, c.stats.Dropped = 0, 0
	var errs []error
	for i, r := range c.rings {
		packets, drops, err := r.Statistics()
		errs = append(errs, err)
		c.perLink[i].Received, c.perLink[i].Dropped = packets, drops
		c.stats.Received += packets
		c.stats.Dropped += drops
	}
	return errors.Join(errs...)
}

// finish writes the statistics.
func (c *Capture) finish(w io.Writer) error {
	now := uint64(time.Now().UnixNano())
	for i := range c.perLink {
		c.perLink[i].Time, c.perLink[i].End = now, now
		c.out = pcapng.AppendStatistics(c.out, &c.perLink[i])
	}
	return c.flush(w)
}

// flush hands what has been gathered to the writer.
func (c *Capture) flush(w io.Writer) error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := w.Write(c.out)
	c.out = c.out[:0]
	return err
}
