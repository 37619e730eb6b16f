package pcapng

// packet takes an enhanced packet block apart.
func (r *Reader) packet(body []byte) (Packet, error) {
	raw, err := packetOf(body, r.order)
	if err != nil {
		return Packet{}, err
	}
	return r.whole(&raw)
}

// whole is a packet with what its interface's clock and its options say.
func (r *Reader) whole(raw *RawPacket) (Packet, error) {
	if uint64(raw.Interface) >= uint64(len(r.interfaces)) {
		return Packet{}, errPacket
	}
	p := Packet{Interface: raw.Interface, Time: r.interfaces[raw.Interface].nanos(raw.Time), Length: raw.Length, Data: raw.Data}
	for o, ok := raw.Options.Next(); ok; o, ok = raw.Options.Next() {
		switch {
		case o.Code == optComment && p.Comment == "":
			p.Comment = text(o.Value)
		case o.Code == optFlags && len(o.Value) == 4:
			p.Direction = Direction(r.order.Uint32(o.Value) & 3)
		case o.Code == optDropCount && len(o.Value) == 8:
			p.Dropped = r.order.Uint64(o.Value)
		case o.Code == optPacketID && len(o.Value) == 8:
			p.ID = r.order.Uint64(o.Value)
		case o.Code == optProcess && len(o.Value) == 8:
			p.Process = r.order.Uint32(o.Value)
		}
	}
	return p, nil
}

// simple takes a simple packet block apart: of the first interface, and cut to its snap length.
func (r *Reader) simple(body []byte) (Packet, error) {
	if len(body) < 4 || len(r.interfaces) == 0 {
		return Packet{}, errPacket
	}
	p := Packet{Length: r.order.Uint32(body)}
	size := min(uint64(p.Length), uint64(len(body)-4))
	if limit := r.interfaces[0].SnapLen; limit != 0 {
		size = min(size, uint64(limit))
	}
	p.Data = body[4 : 4+size : 4+size]
	return p, nil
}

// old parses a packet block. The enhanced packet block
// has replaced it (draft-ietf-opsawg-pcapng, appendix A).
func (r *Reader) old(body []byte) (Packet, error) {
	raw, err := packetOf(body, r.order)
	if err != nil {
		return Packet{}, err
	}
	raw.Interface = uint32(r.order.Uint16(body)) // followed by the number of drops
	const unknownDrops = 0xffff
	p, err := r.whole(&raw)
	if drops := r.order.Uint16(body[2:]); drops != unknownDrops {
		p.Dropped = uint64(drops)
	}
	return p, err
}
