package capture

import (
	"math"
	"time"
)

const (
	// writeSize is how many bytes are written at a time. Writes end at a multiple of it in the
	// output, or a packet later. The kernel takes memory for a file in pieces as large as a write's
	// size and place allow (fs/ext4/inode.c, mm/filemap.c).
	writeSize = 512 << 10
	// pageSize aligns bytes in memory as in the file. The kernel then copies whole lines.
	pageSize = 4096
	// bufferSize has room for all that is gathered.
	bufferSize = writeSize + writeSize/4 + maxPacket + pageSize
	// roundSize is how much is written before other things are seen to, in bytes.
	roundSize = 4 << 20
	// orderSlack is how long a packet that has its time stamp may need to get into the ring.
	// Packets of one source wait this long for older ones of another.
	orderSlack = 5 * time.Millisecond
)

// round writes the packets at hand in the order of time, and returns whether there were any.
func (c *Capture) round(to Sink) (some bool, err error) {
	limit := c.refill()
	until := c.stats.Bytes + roundSize
	for s := c.earliest(); ; {
		if s == nil || s.frame.Time > limit && !c.hurry && !s.ring.HalfFull() {
			break
		}
		some = true
		if err := c.append(s); err != nil {
			return some, err
		}
		if c.full() {
			break
		}
		if s.more = s.next(); s.more && c.runs(s) {
			c.appendRun(s)
		}
		if !s.more {
			limit = min(limit, c.turn(s))
		}
		if len(c.sources) > 1 || !s.more {
			s = c.earliest()
		}
		if len(c.out) < c.room {
			continue
		}
		if err := c.flush(to); err != nil {
			return some, err
		}
		if c.stats.Bytes >= until {
			break
		}
	}
	return some, c.flush(to)
}

// refill takes the next block of each source that has none.
// It returns a time: no older packet can come any more.
func (c *Capture) refill() uint64 {
	limit := uint64(math.MaxUint64)
	for _, s := range c.sources {
		if !s.more {
			limit = min(limit, c.turn(s))
		}
	}
	return limit
}

// turn gives a source's block back, takes the next one, and returns the time up to which no older
// packet of it can come.
func (c *Capture) turn(s *source) uint64 {
	now := uint64(math.MaxUint64)
	if len(c.sources) > 1 { // or there is nothing to wait for
		now = uint64(time.Now().Add(-orderSlack).UnixNano())
	}
	for {
		if s.reading {
			s.ring.Release()
		}
		if s.block, s.reading = s.ring.Block(); !s.reading {
			break
		}
		s.gap = s.gap || s.block.Lossy // of blocks that were full before the figures are taken, the first tells of all that was lost
		if s.more = s.next(); s.more {
			return math.MaxUint64
		}
	}
	if s.empty = s.removed; s.empty {
		return math.MaxUint64 // nothing more comes
	}
	if len(c.sources) == 1 {
		return now
	}
	return s.ring.Oldest(now)
}

// earliest is the source whose next packet is the oldest, nil if none has one.
func (c *Capture) earliest() *source {
	var first *source
	for _, s := range c.sources {
		if s.more && (first == nil || s.frame.Time < first.frame.Time) {
			first = s
		}
	}
	return first
}

// rest writes what is left in the rings, in the order of time. Those that go on are not waited for.
func (c *Capture) rest(to Sink) error {
	c.hurry = true
	defer func() { c.hurry = false }()
	for !c.full() {
		some, err := c.round(to)
		if err != nil {
			return err
		}
		if !some {
			return nil
		}
	}
	return c.flush(to)
}

// flush hands what has been gathered to the sink.
func (c *Capture) flush(to Sink) error {
	if len(c.out) == 0 {
		return nil
	}
	if err := to.Blocks(c.out, c.stats.Captured-c.flushed, c.stats.Dropped-c.lost); err != nil {
		return err
	}
	c.stats.Bytes += uint64(len(c.out))
	c.flushed, c.lost = c.stats.Captured, c.stats.Dropped
	c.gather()
	return nil
}

// gather makes room for what is written next.
func (c *Capture) gather() {
	c.room = int(writeSize - c.stats.Bytes%writeSize)
	if c.room < writeSize/4 {
		c.room += writeSize
	}
	at := c.stats.Bytes % pageSize
	c.out = c.buf[at:at]
}
