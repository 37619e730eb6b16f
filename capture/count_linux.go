package capture

import (
	"errors"
	"slices"
	"strings"
	"time"

	"dlx/capture/pcapng"
)

// The kernel counts a ring's packets, not each interface's. Drops
// count for the interface of the first packet after the gap. Those
// after the last packet count for the interface with the most packets.

// countSource takes a ring's figures, and books what is newly dropped on an interface.
func (c *Capture) countSource(s *source, i *iface) error {
	received, dropped, err := s.figures()
	if err != nil {
		return err
	}
	lost := dropped - s.dropped
	c.stats.Received += received - s.received
	c.stats.Dropped += lost
	s.received, s.dropped = received, dropped
	if i != nil && lost > 0 {
		i.stats.Dropped += lost
		i.dropped += lost
	}
	return nil
}

// count takes the figures of all rings.
func (c *Capture) count() error { return c.countOf(c.sources) }

func (c *Capture) countOf(sources []*source) error {
	var errs []error
	for _, s := range sources {
		var most *iface
		for _, i := range s.interfaces {
			if most == nil || i.stats.Delivered > most.stats.Delivered {
				most = i
			}
		}
		errs = append(errs, c.countSource(s, most))
	}
	return errors.Join(errs...)
}

// writeStatistics writes the figures so far.
func (c *Capture) writeStatistics(to Sink) error {
	for _, i := range c.ifaces {
		c.appendStatistics(i)
	}
	if len(c.names.due) > 0 { // of packets that came before the name
		c.appendNames()
	}
	return c.flush(to)
}

// appendStatistics appends an interface's figures so far, unless its last ones are written.
func (c *Capture) appendStatistics(i *iface) {
	if i.retired {
		return
	}
	now := uint64(time.Now().UnixNano())
	i.stats.Time, i.stats.End = now, now
	i.stats.Received = i.stats.Delivered + i.stats.Dropped
	c.out = pcapng.AppendStatistics(c.out, &i.stats)
}

// retire writes the last figures of a source's interfaces, and notes what was left out of it.
func (c *Capture) retire(s *source) {
	for _, i := range s.interfaces {
		c.appendStatistics(i)
		i.retired = true
	}
	c.skip(s)
}

// skip notes the interfaces that a source leaves out.
func (c *Capture) skip(s *source) {
	for name, why := range s.skipped {
		c.stats.Skipped = append(c.stats.Skipped, Skipped{Interface: name, Why: why})
	}
	slices.SortStableFunc(c.stats.Skipped, func(a, b Skipped) int { return strings.Compare(a.Interface, b.Interface) })
}
