package capture

import (
	"io"

	"dlx/capture/pcapng"
	"dlx/internal/linux"
)

// pending is a block that is being merged with the others of its round.
type pending struct {
	ring  int
	block linux.Block
	frame linux.Frame
	more  bool
}

// writeSize is how much is gathered at most before it is written, in bytes, although the round goes on: larger writes
// were measured to be less steady.
const writeSize = 2 * blockSize

// round takes one block of each ring that has one and writes their packets in the order of time. Between rounds packets
// of different interfaces can be out of order by the latency.
func (c *Capture) round(w io.Writer) (some bool, err error) {
	c.blocks = c.blocks[:0]
	for i, r := range c.rings {
		if b, ok := r.Block(); ok {
			c.add(i, b)
		}
	}
	if err := c.merge(w); err != nil {
		return true, err
	}
	for i := range c.blocks {
		c.rings[c.blocks[i].ring].Release()
	}
	return len(c.blocks) > 0, c.flush(w)
}

// add takes a block into the round.
func (c *Capture) add(ring int, b linux.Block) {
	c.blocks = append(c.blocks, pending{ring: ring, block: b})
	p := &c.blocks[len(c.blocks)-1]
	p.more = p.block.Next(&p.frame)
}

// merge gathers the packets of the round's blocks, the oldest first, and writes what is too much.
func (c *Capture) merge(w io.Writer) error {
	for p := c.earliest(); p != nil && !c.full(); p = c.earliest() {
		c.append(p)
		p.more = p.block.Next(&p.frame)
		if len(c.out) >= writeSize {
			if err := c.flush(w); err != nil {
				return err
			}
		}
	}
	return nil
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

// append appends a packet, cut to the snap length.
func (c *Capture) append(p *pending) {
	f := &p.frame
	pkt := pcapng.Packet{Interface: uint32(p.ring), Time: f.Time(), Length: f.Length, Direction: pcapng.In, Data: f.Data}
	if f.Outgoing {
		pkt.Direction = pcapng.Out
	}
	if f.VLAN && c.links[p.ring].linkType == linkEthernet && len(f.Data) >= macs {
		c.appendTagged(&pkt, f)
	} else {
		pkt.Data = f.Data[:min(len(f.Data), c.o.SnapLen)]
		c.out = pcapng.AppendPacket(c.out, &pkt)
	}
	c.perLink[p.ring].Delivered++
	c.stats.Captured++
}

const (
	macs    = 12 // bytes of an Ethernet frame in front of a VLAN tag
	tagSize = 4  // bytes of one (IEEE 802.1Q)
)

// appendTagged appends a packet with the VLAN tag that the kernel took out of it put back (packet(7), PACKET_AUXDATA).
func (c *Capture) appendTagged(pkt *pcapng.Packet, f *linux.Frame) {
	pkt.Length += tagSize
	tag := [tagSize]byte{byte(f.TPID >> 8), byte(f.TPID), byte(f.TCI >> 8), byte(f.TCI)}
	size := min(len(f.Data)+tagSize, c.o.SnapLen)
	out, start := pcapng.BeginPacket(c.out, pkt, size)
	data := len(out)
	out = append(append(append(out, f.Data[:macs]...), tag[:]...), f.Data[macs:]...)
	c.out = pcapng.EndPacket(out[:data+size], start, pkt.Direction)
}
