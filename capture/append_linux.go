package capture

import (
	"dlx/capture/attribution"
	"dlx/capture/linktype"
	"dlx/capture/pcapng"
	"dlx/internal/linux"
)

// maxPacket is the most bytes that a packet's block has in the file, but for a long comment.
const maxPacket = 72 << 10

// append appends a source's next packet, cut to the snap length.
func (c *Capture) append(s *source) error {
	f := &s.frame
	i := s.last
	if i == nil || i.link.index != f.Interface || f.Time >= i.until {
		var err error
		if i, err = c.interfaceOf(s, f); err != nil {
			return err
		}
		s.last = i
	}
	if s.gap {
		s.gap = false
		if err := c.countSource(s, i); err != nil {
			return err
		}
	}
	owner, news := s.ownerOf(i, f)
	c.put(s, i, owner, news)
	return nil
}

// put appends the source's next packet, whose interface and owner are known.
func (c *Capture) put(s *source, i *iface, owner uint32, news *attribution.Flow) {
	f := &s.frame
	if len(c.names.due) > 0 {
		c.appendNames()
	}
	c.stats.Captured++
	if plain := i.dropped == 0 && s.note == "" && news == nil && !f.VLAN && i.linkType != linktype.LinuxSLL2; plain {
		c.out = pcapng.AppendPlain(c.out, i.id, f.Time, f.Length, directionOf(f), c.stats.Captured, owner, f.Data[:min(len(f.Data), c.o.SnapLen)])
	} else {
		c.appendMore(s, i, owner, news)
	}
	i.stats.Delivered++
}

// appendRun appends the source's next packets while they are of the same interface as append's, and
// have no tag. It does what put does, with the output at hand: that makes 1.5 ns a packet.
func (c *Capture) appendRun(s *source) {
	i, f, out := s.last, &s.frame, c.out
	looks := s.owner != nil || s.names != nil
	for f.Interface == i.link.index && f.Time < i.until && !f.VLAN && len(out) < c.room {
		var owner uint32
		var news *attribution.Flow
		if looks {
			owner, news = s.ownerOf(i, f)
		}
		if news != nil || len(c.names.due) > 0 {
			c.out = out
			c.put(s, i, owner, news)
			out = c.out
		} else {
			c.stats.Captured++
			out = pcapng.AppendPlain(out, i.id, f.Time, f.Length, directionOf(f), c.stats.Captured, owner, f.Data[:min(len(f.Data), c.o.SnapLen)])
			i.stats.Delivered++
		}
		if s.more = s.block.Next(f); !s.more {
			break
		}
	}
	c.out = out
}

// runs says whether the next packets of the source may be appended without a look at anything else:
// at other sources' packets, at those that came early, or at limits.
func (c *Capture) runs(s *source) bool {
	return len(c.sources) == 1 && s.reading && s.handover.over() && s.last.linkType != linktype.LinuxSLL2 && c.o.Count == 0 && c.o.MaxBytes == 0
}

func directionOf(f *linux.Frame) pcapng.Direction {
	if f.Outgoing {
		return pcapng.Out
	}
	return pcapng.In
}

// ownerOf returns whose the packet is, and the flow if that is to be said at this packet of it.
func (s *source) ownerOf(i *iface, f *linux.Frame) (pid uint32, news *attribution.Flow) {
	network := macs + 2
	if i.linkType != linktype.Ethernet {
		network = f.Network()
	}
	if s.owner == nil {
		if s.names != nil {
			s.names.look(f.Data[min(network, len(f.Data)):])
		}
		return 0, nil
	}
	outgoing := f.Outgoing || i.link.hardware == linktype.HardwareLoopback // what loopback carries is its sender's
	flow := s.owner.Lookup(f, network, outgoing)
	if flow == nil {
		return 0, nil
	}
	if !flow.Told && flow.Owner != nil && s.note == "" {
		return flow.PID, flow
	}
	return flow.PID, nil
}

// appendMore appends a packet that something is to be done with or said of.
func (c *Capture) appendMore(s *source, i *iface, owner uint32, news *attribution.Flow) {
	f := &s.frame
	pkt := pcapng.Packet{Interface: i.id, Time: f.Time, Length: f.Length, Direction: directionOf(f), ID: c.stats.Captured, Dropped: i.dropped, Process: owner, Comment: s.note}
	if news != nil {
		news.Told, pkt.Comment = true, news.Owner.Comment()
	}
	i.dropped, s.note = 0, ""
	switch {
	case i.linkType == linktype.LinuxSLL2:
		c.appendCooked(&pkt, f)
	case f.VLAN && i.linkType == linktype.Ethernet && len(f.Data) >= macs:
		c.appendTagged(&pkt, f)
	default:
		pkt.Data = f.Data[:min(len(f.Data), c.o.SnapLen)]
		c.out = pcapng.AppendPacket(c.out, &pkt)
	}
}

const (
	macs    = 12 // bytes of an Ethernet frame in front of a VLAN tag
	tagSize = 4  // bytes of one (IEEE 802.1Q)
)

// appendTagged puts the VLAN tag back that the kernel took out (packet(7), PACKET_AUXDATA).
func (c *Capture) appendTagged(pkt *pcapng.Packet, f *linux.Frame) {
	pkt.Length += tagSize
	tpid, tci := f.Tag()
	tag := [tagSize]byte{byte(tpid >> 8), byte(tpid), byte(tci >> 8), byte(tci)}
	size := min(len(f.Data)+tagSize, c.o.SnapLen)
	out, start := pcapng.BeginPacket(c.out, pkt, size)
	data := len(out)
	out = append(append(append(out, f.Data[:macs]...), tag[:]...), f.Data[macs:]...)
	c.out = pcapng.EndPacket(out[:data+size], start, pkt)
}

// appendCooked gives a packet a header of dlx's own: the file has no type for the one that it has.
func (c *Capture) appendCooked(pkt *pcapng.Packet, f *linux.Frame) {
	network := min(f.Network(), len(f.Data))
	pkt.Length = max(pkt.Length, uint32(network)) - uint32(network) + linktype.SLL2Size
	size := min(len(f.Data)-network+linktype.SLL2Size, c.o.SnapLen)
	out, start := pcapng.BeginPacket(c.out, pkt, size)
	data := len(out)
	out = append(f.AppendCooked(out), f.Data[network:]...)
	c.out = pcapng.EndPacket(out[:data+size], start, pkt)
}
