package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"dlx/capture/pcapng"
	"dlx/internal/linux"
)

// Capture is an open capture. Its owner closes it.
type Capture struct {
	o       Options
	links   []link
	rings   []*linux.Ring
	waiter  *linux.Waiter
	out     []byte
	stats   Stats
	perLink []pcapng.Statistics
	blocks  []pending // of one round
}

// pending is a block that is being merged with the others of its round.
type pending struct {
	ring  int
	block linux.Block
	frame linux.Frame
	more  bool
}

// blockSize is a block of a ring: two of the largest frames, GSO ones reach 64 KiB, and the writes that were measured to
// be steady.
const blockSize = 128 << 10

// Open opens the sockets. All of it happens inside enter; the capture itself can be run anywhere.
func Open(enter Enter, o Options) (*Capture, error) {
	if o.SnapLen <= 0 || o.SnapLen > DefaultSnapLen {
		o.SnapLen = DefaultSnapLen
	}
	if o.RingSize <= 0 {
		o.RingSize = DefaultRingSize
	}
	if o.Latency <= 0 {
		o.Latency = DefaultLatency
	}
	c := &Capture{o: o}
	if err := c.open(enter); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Capture) open(enter Enter) (err error) {
	if err := enter(c.openHere); err != nil {
		return err
	}
	c.waiter, err = linux.NewWaiter(c.rings...)
	return err
}

// openHere opens a ring on each interface of the calling thread's network namespace.
func (c *Capture) openHere() (err error) {
	if c.links, c.stats.Skipped, err = findLinks(c.o.Interface); err != nil {
		return err
	}
	for _, l := range c.links {
		ro := linux.RingOptions{
			Interface: l.index, Size: c.o.RingSize / len(c.links), BlockSize: blockSize, Latency: c.o.Latency, NoOutgoing: l.loopback,
		}
		if c.o.Compile != nil {
			if ro.Filter, err = c.o.Compile(l.linkType, uint32(c.o.SnapLen)); err != nil {
				return err
			}
		}
		ring, err := linux.OpenRing(ro)
		if errors.Is(err, linux.ErrPerm) {
			return ErrPermission
		}
		if err != nil {
			return fmt.Errorf("capture on %s: %w", l.name, err)
		}
		c.rings = append(c.rings, ring)
	}
	return nil
}

// Run writes packets to w as pcapng until ctx ends, which is no error, the count is reached, or w fails. It is called
// once.
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
	c.count()
	if err == nil {
		err = c.finish(w)
	}
	return c.stats, err
}

// begin writes what a reader has to know before the first packet, so that it also sees that the capture is on.
func (c *Capture) begin(w io.Writer) error {
	b := pcapng.AppendSection(c.out[:0], &pcapng.Section{Hardware: runtime.GOARCH, OS: "Linux", Application: c.o.Application})
	for i, l := range c.links {
		b = pcapng.AppendInterface(b, &pcapng.Interface{
			LinkType: l.linkType, SnapLen: uint32(c.o.SnapLen), Name: l.name, Description: c.o.Description, MAC: l.mac, Filter: c.o.Filter, OS: "Linux",
		})
		c.perLink = append(c.perLink, pcapng.Statistics{Interface: uint32(i), Start: uint64(time.Now().UnixNano())})
	}
	c.out = b
	_, err := w.Write(b)
	return err
}

// follow handles rounds until the context ends or there are enough packets.
func (c *Capture) follow(ctx context.Context, w io.Writer) error {
	for ctx.Err() == nil && !c.full() {
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
			if c.waiter.Down(i) {
				c.waiter.Ignore(i) // its interface is gone or down: nothing more comes
			}
		}
	}
	return nil
}

// drain lets nothing more in and writes what had been accepted. A block that is not full is handed over within the
// latency.
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
		left := time.Until(until)
		if !some && left <= 0 {
			return nil
		}
		if !some {
			if err := c.waiter.Wait(left); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Capture) full() bool { return c.o.Count > 0 && c.stats.Captured >= c.o.Count }

// round takes one block of each ring that has one and writes their packets in the order of time, in one write.
func (c *Capture) round(w io.Writer) (some bool, err error) {
	c.blocks = c.blocks[:0]
	for i, r := range c.rings {
		if b, ok := r.Block(); ok {
			c.blocks = append(c.blocks, pending{ring: i, block: b})
			p := &c.blocks[len(c.blocks)-1]
			p.more = p.block.Next(&p.frame)
		}
	}
	if len(c.blocks) == 0 {
		return false, nil
	}
	c.out = c.out[:0]
	for p := c.earliest(); p != nil && !c.full(); p = c.earliest() {
		c.append(p)
		p.more = p.block.Next(&p.frame)
	}
	for i := range c.blocks {
		c.rings[c.blocks[i].ring].Release()
	}
	if len(c.out) > 0 {
		_, err = w.Write(c.out)
	}
	return true, err
}

// earliest is the block whose next packet is the oldest, nil if none has one left.
func (c *Capture) earliest() *pending {
	var first *pending
	for i := range c.blocks {
		p := &c.blocks[i]
		if p.more && (first == nil || p.frame.Time() < first.frame.Time()) {
			first = p
		}
	}
	return first
}

// macs are the bytes of an Ethernet frame in front of a VLAN tag.
const macs = 12

// append appends a packet, with the VLAN tag that the kernel took out of it put back, cut to the snap length.
func (c *Capture) append(p *pending) {
	f := &p.frame
	pkt := pcapng.Packet{Interface: uint32(p.ring), Time: f.Time(), Length: f.Length, Data: f.Data}
	dir := pcapng.In
	if f.Outgoing {
		dir = pcapng.Out
	}
	var start int
	if tagged := f.VLAN && c.links[p.ring].linkType == linkEthernet && len(f.Data) >= macs; tagged {
		pkt.Length += 4
		tag := [4]byte{byte(f.TPID >> 8), byte(f.TPID), byte(f.TCI >> 8), byte(f.TCI)}
		size := min(len(f.Data)+len(tag), c.o.SnapLen)
		c.out, start = pcapng.BeginPacket(c.out, &pkt, size)
		data := len(c.out)
		c.out = append(append(append(c.out, f.Data[:macs]...), tag[:]...), f.Data[macs:]...)[:data+size]
	} else {
		pkt.Data = f.Data[:min(len(f.Data), c.o.SnapLen)]
		c.out, start = pcapng.BeginPacket(c.out, &pkt, len(pkt.Data))
		c.out = append(c.out, pkt.Data...)
	}
	c.out = pcapng.EndPacket(c.out, start, dir)
	c.stats.Captured++
}

// count adds up the kernel's figures.
func (c *Capture) count() {
	for i, r := range c.rings {
		packets, drops, err := r.Statistics()
		if err != nil || i >= len(c.perLink) {
			continue
		}
		c.perLink[i].Received, c.perLink[i].Dropped = packets, drops
		c.stats.Received += packets
		c.stats.Dropped += drops
	}
}

// finish writes the statistics.
func (c *Capture) finish(w io.Writer) error {
	c.out = c.out[:0]
	now := uint64(time.Now().UnixNano())
	for i := range c.perLink {
		c.perLink[i].Time, c.perLink[i].End = now, now
		c.out = pcapng.AppendStatistics(c.out, &c.perLink[i])
	}
	_, err := w.Write(c.out)
	return err
}

// Close releases the sockets.
func (c *Capture) Close() error {
	var errs []error
	for _, r := range c.rings {
		errs = append(errs, r.Close())
	}
	if c.waiter != nil {
		errs = append(errs, c.waiter.Close())
	}
	return errors.Join(errs...)
}
