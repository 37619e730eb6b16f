package filter

// encapsulation tests for one of the headers that move all others, and moves them.
func (g *generator) encapsulation(n *Keyword) *cond {
	most, what := uint32(0), ""
	switch n.Name {
	case "vlan":
		most, what = 4095, "VLAN ID"
	case "mpls":
		most, what = 1<<20-1, "MPLS label"
	case "pppoes":
		most, what = 65535, "PPPoE session ID"
	case "geneve":
		most, what = 1<<24-1, "Geneve network identifier"
	}
	if n.Has && n.Number > most {
		return g.refuseWith(fail(n.numberAt, "expected a %s of at most %d", what, most))
	}
	switch n.Name {
	case "vlan":
		return g.vlan(n.Number, n.Has)
	case "mpls":
		return g.mpls(n.Number, n.Has)
	case "pppoed":
		return g.carries(etherPPPoED)
	case "pppoes":
		return g.pppoes(n.Number, n.Has)
	}
	return g.geneves(n.Number, n.Has)
}

// vlan tests for a tag. The kernel takes the outermost one out before a socket's filter.
func (g *generator) vlan(id uint32, has bool) *cond {
	switch {
	case g.labels > 0:
		return g.refuse("vlan can not be told behind mpls")
	case g.link != Ethernet:
		return g.refuse("link type %s has no VLAN tags", g.link)
	}
	tagged := or(or(g.carries(etherVLAN), g.carries(etherQinQ)), g.carries(etherQinQ9100))
	var named *cond
	if has {
		named = equal(g.load(g.payload, 0, 2), 0x0fff, id)
	}
	if g.opts.Extensions&VLANTags != 0 && g.vlans == 0 && !g.linkHdr.variable && g.linkHdr.fixed == 0 {
		tagged, named = g.strippedTag(tagged, named)
	} else {
		g.payload.fixed += 4
		g.typeAt.fixed += 4
	}
	g.vlans++
	return and(tagged, named)
}

// strippedTag asks the kernel for the tag first. Whether the tag is in the frame is known at run
// time only: the offsets behind it get a variable part of 0 or 4.
func (g *generator) strippedTag(tagged, named *cond) (*cond, *cond) {
	var shift []inst
	for _, off := range []*offset{&g.payload, &g.typeAt} {
		off.variable, off.reg = true, g.alloc()
		g.zero = append(g.zero, off.reg)
		shift = append(shift, inst{op: ldMem, k: uint32(off.reg)}, inst{op: addK, k: 4}, inst{op: st, k: uint32(off.reg)})
	}
	tagged.prepend(shift)
	present := []inst{{op: ldB, k: adTagPresent}}
	if named != nil {
		named.prepend(append(present, inst{op: jeq, k: 1, jf: 2}, inst{op: ldB, k: adTCI}, inst{op: ja, k: 1}))
	}
	return or(test(jeq, 1, present...), tagged), named
}

// mpls tests for a label.
func (g *generator) mpls(label uint32, has bool) *cond {
	var c *cond
	switch {
	case g.labels > 0: // the label in front is not the last one
		c = equal(g.inNetwork(^uint32(1), 1), 1, 0)
	case g.link == Ethernet:
		c = g.carries(etherMPLS)
	case g.link == ppp:
		c = g.typeIs(pppMPLS)
	default:
		return g.refuse("link type %s has no MPLS labels", g.link)
	}
	if has {
		c = and(c, equal(g.inNetwork(0, 4), 0xfffff000, label<<12))
	}
	g.network += 4
	g.noSnap += 4
	g.labels++
	return c
}

// pppoes tests for a PPPoE session header (RFC 2516): 6 bytes, and the protocol of PPP in 2 more.
func (g *generator) pppoes(id uint32, has bool) *cond {
	c := g.carries(etherPPPoES)
	if has {
		c = and(c, equal(g.inNetwork(0, 4), 0xffff, id))
	}
	g.link = ppp
	g.linkHdr = g.payload
	g.linkHdr.fixed += g.network + 6
	g.typeAt = g.linkHdr
	g.payload.fixed = g.linkHdr.fixed + 2
	g.network, g.noSnap = 0, 0
	return c
}

// geneves tests for a Geneve header (RFC 8926) in UDP, and finds out where the packet in it begins.
func (g *generator) geneves(vni uint32, has bool) *cond {
	c := g.geneveIn(false, vni, has)
	c = or(c, g.geneveIn(true, vni, has))
	g.plain = true
	code := []inst{
		// A is the offset of the UDP header less the constant part.
		{op: addK, k: g.payload.fixed + g.network + 8}, {op: tax},
	}
	g.typeAt = offset{variable: true, reg: g.alloc()}
	g.linkHdr = offset{variable: true, reg: g.alloc()}
	g.payload = offset{variable: true, reg: g.alloc()}
	typeAt, linkHdr, payload := uint32(g.typeAt.reg), uint32(g.linkHdr.reg), uint32(g.payload.reg)
	code = append(code,
		inst{op: addK, k: 2}, inst{op: st, k: typeAt},
		inst{op: ldiB, k: 0}, inst{op: andK, k: 0x3f}, inst{op: mulK, k: 4}, inst{op: addK, k: 8}, // the header with its options
		inst{op: addK | srcX}, inst{op: st, k: linkHdr},
		inst{op: ldiH, k: 2}, inst{op: ldxMem, k: linkHdr},
		inst{op: jeq, k: etherTEB, jf: 5},
		inst{op: txa}, inst{op: addK, k: 12}, inst{op: st, k: typeAt}, inst{op: addK, k: 2}, inst{op: tax},
		inst{op: stx, k: payload}, inst{op: ldImm, k: 0},
	)
	g.link = Ethernet
	g.network, g.noSnap = 0, layouts[Ethernet].noSnap
	g.geneve = true
	return and(c, test(jeq, 0, code...))
}

// geneveIn tests for version 0 and the network identifier. It leaves the IP header's length in A.
func (g *generator) geneveIn(v6 bool, vni uint32, has bool) *cond {
	family := uint32(etherIP)
	if v6 {
		family = etherIP6
	}
	q := Qualifiers{Dir: Dst, Type: TypePort}
	c := and(g.carries(family), g.ports(v6, protoUDP, q, 6081, 6081))
	c = and(c, equal(g.inTransport(v6, 8, 1), 0xc0, 0))
	if has {
		c = and(c, equal(g.inTransport(v6, 12, 4), 0xffffff00, vni<<8))
	}
	var length []inst
	switch {
	case !v6:
		length = append(g.loadHeaderLength(), inst{op: txa})
	case g.payload.variable:
		length = []inst{{op: ldxMem, k: uint32(g.payload.reg)}, {op: ldImm, k: 40}, {op: addK | srcX}, {op: tax}}
	default:
		length = []inst{{op: ldImm, k: 40}, {op: tax}}
	}
	return and(c, test(jeq|srcX, 0, length...))
}
