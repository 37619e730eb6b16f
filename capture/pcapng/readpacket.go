package pcapng

// packet takes an enhanced packet block apart.
func (r *Reader) packet(body []byte) (Packet, error) {
	if len(body) < 20 {
		return Packet{}, &FormatError{"bad packet"}
	}
	return r.timed(r.order.Uint32(body), body)
}

// timed is the packet of an interface in a block of which all behind the interface is as in an enhanced packet block.
func (r *Reader) timed(iface uint32, body []byte) (Packet, error) {
	p := Packet{Interface: iface, Length: r.order.Uint32(body[16:])}
	size := uint64(r.order.Uint32(body[12:]))
	if uint64(p.Interface) >= uint64(len(r.interfaces)) || size > uint64(len(body)-20) {
		return Packet{}, &FormatError{"bad packet"}
	}
	units := uint64(r.order.Uint32(body[4:]))<<32 | uint64(r.order.Uint32(body[8:]))
	p.Time = r.interfaces[p.Interface].nanos(units)
	p.Data = body[20 : 20+size : 20+size]
	r.packetOptions(&p, body[min(20+(size+3)&^3, uint64(len(body))):])
	return p, nil
}

func (r *Reader) packetOptions(p *Packet, b []byte) {
	r.options(b, func(code uint16, value []byte) {
		switch {
		case code == optComment && p.Comment == "":
			p.Comment = text(value)
		case code == optFlags && len(value) == 4:
			p.Direction = Direction(r.order.Uint32(value) & 3)
		case code == optDropCount && len(value) == 8:
			p.Dropped = r.order.Uint64(value)
		case code == optPacketID && len(value) == 8:
			p.ID = r.order.Uint64(value)
		case code == optProcess && len(value) == 8:
			p.Process = r.order.Uint32(value)
		}
	})
}

// simple takes a simple packet block apart: of the first interface, and cut to its snap length.
func (r *Reader) simple(body []byte) (Packet, error) {
	if len(body) < 4 || len(r.interfaces) == 0 {
		return Packet{}, &FormatError{"bad packet"}
	}
	p := Packet{Length: r.order.Uint32(body)}
	size := min(uint64(p.Length), uint64(len(body)-4))
	if limit := r.interfaces[0].SnapLen; limit != 0 {
		size = min(size, uint64(limit))
	}
	p.Data = body[4 : 4+size : 4+size]
	return p, nil
}

// old takes a packet block apart, which enhanced packet blocks have replaced (draft-ietf-opsawg-pcapng, appendix A).
func (r *Reader) old(body []byte) (Packet, error) {
	if len(body) < 20 {
		return Packet{}, &FormatError{"bad packet"}
	}
	const unknownDrops = 0xffff
	drops := r.order.Uint16(body[2:])
	p, err := r.timed(uint32(r.order.Uint16(body)), body)
	if drops != unknownDrops {
		p.Dropped = uint64(drops)
	}
	return p, err
}
