package filter

// protocol tests for a protocol by its name alone.
func (g *generator) protocol(p Proto) *cond {
	switch p {
	case ProtoLink:
		return g.refuse("expected host, proto, broadcast, multicast or [ after the link layer's name")
	case ProtoRadio:
		return g.refuse("radio is for 802.11 captures")
	case ProtoIP, ProtoARP, ProtoRARP, ProtoATalk, ProtoAARP, ProtoDECnet, ProtoLAT, ProtoSCA, ProtoMOPRC, ProtoMOPDL, ProtoIP6,
		ProtoISO, ProtoSTP, ProtoIPX, ProtoNetBEUI:
		return g.carries(linkProtocols[p])
	case ProtoTCP, ProtoUDP, ProtoSCTP, ProtoPIM, ProtoAH, ProtoESP:
		return g.proto(ipNumbers[p], ProtoAny)
	case ProtoICMP, ProtoIGMP, ProtoIGRP, ProtoVRRP, ProtoCARP:
		return g.proto(ipNumbers[p], ProtoIP)
	case ProtoICMP6:
		return g.proto(protoICMP6, ProtoIP6)
	case ProtoCLNP:
		return g.proto(osiCLNP, ProtoISO)
	case ProtoESIS:
		return g.proto(osiESIS, ProtoISO)
	case ProtoISIS:
		return g.proto(osiISIS, ProtoISO)
	}
	var c *cond
	for _, pdu := range isisPDUs[p] {
		c = or(g.proto(pdu, ProtoISIS), c)
	}
	return c
}

var linkProtocols = map[Proto]uint32{
	ProtoIP: etherIP, ProtoARP: etherARP, ProtoRARP: etherRARP, ProtoATalk: etherATalk, ProtoAARP: etherAARP, ProtoDECnet: etherDECnet,
	ProtoLAT: etherLAT, ProtoSCA: etherSCA, ProtoMOPRC: etherMOPRC, ProtoMOPDL: etherMOPDL, ProtoIP6: etherIP6, ProtoISO: sapISO,
	ProtoSTP: sapSTP, ProtoIPX: sapIPX, ProtoNetBEUI: sapNetBEUI,
}

var ipNumbers = map[Proto]uint32{
	ProtoTCP: protoTCP, ProtoUDP: protoUDP, ProtoSCTP: protoSCTP, ProtoPIM: protoPIM, ProtoAH: protoAH, ProtoESP: protoESP, ProtoICMP: protoICMP,
	ProtoIGMP: protoIGMP, ProtoIGRP: protoIGRP, ProtoVRRP: protoVRRP, ProtoCARP: protoVRRP,
}

// isisPDUs are the IS-IS PDU types (ISO 10589) that a name means, in the order of the program.
var isisPDUs = map[Proto][]uint32{
	ProtoL1: {17, 15, 18, 24, 26}, ProtoL2: {17, 16, 20, 25, 27}, ProtoIIH: {16, 15, 17}, ProtoLSP: {20, 18},
	ProtoSNP: {25, 24, 26, 27}, ProtoCSNP: {25, 24}, ProtoPSNP: {27, 26},
}

// proto tests for a protocol by its number in what carries it.
func (g *generator) proto(n uint32, of Proto) *cond {
	switch of {
	case ProtoAny:
		c := g.proto(n, ProtoIP)
		return or(c, g.proto(n, ProtoIP6))
	case ProtoLink:
		return g.carries(n)
	case ProtoIP:
		c := g.carries(etherIP)
		return and(c, equal(g.inNetwork(9, 1), whole, n))
	case ProtoIP6:
		c := g.carries(etherIP6)
		// Behind a fragment header stands what the first fragment begins with.
		fragment := and(g.nextHeader(protoFragment), equal(g.inNetwork(40, 1), whole, n))
		return and(c, or(g.nextHeader(n), fragment))
	case ProtoISO:
		c := g.carries(sapISO)
		return and(c, equal(g.load(g.payload, g.network+g.noSnap, 1), whole, n))
	case ProtoISIS:
		c := g.proto(osiISIS, ProtoISO)
		return and(c, equal(g.load(g.payload, g.network+g.noSnap+4, 1), whole, n))
	}
	return g.mismatch("%s carries no protocols that have numbers", of)
}

func (g *generator) nextHeader(n uint32) *cond { return equal(g.inNetwork(6, 1), whole, n) }

// portRange tests the ports of IPv6 and of unfragmented IPv4 packets. A transport of 0 is the one
// of the qualifiers, or any.
func (g *generator) portRange(q Qualifiers, low, high, transport uint32) *cond {
	numbers := []uint32{protoTCP, protoUDP, protoSCTP}
	switch q.Proto {
	case ProtoAny:
		if transport != 0 {
			numbers = []uint32{transport}
		}
	case ProtoTCP, ProtoUDP, ProtoSCTP:
		numbers = []uint32{ipNumbers[q.Proto]}
		if transport != 0 && transport != numbers[0] {
			return g.mismatch("that service is not one of %s", q.Proto)
		}
	default:
		return g.refuseWith(fail(g.all, "%s has no ports", q.Proto).withHint("ports go with tcp, udp and sctp"))
	}
	if low > 65535 || high > 65535 {
		return g.refuse("expected a port of at most 65535")
	}
	if low > high {
		low, high = high, low
	}
	c := and(g.carries(etherIP6), g.transports(true, numbers, q, low, high))
	return or(c, and(g.carries(etherIP), g.transports(false, numbers, q, low, high)))
}

// transports tests the ports of each transport. The last one comes first, as it is rare.
func (g *generator) transports(v6 bool, numbers []uint32, q Qualifiers, low, high uint32) *cond {
	var c *cond
	for i, n := range numbers {
		one := g.ports(v6, n, q, low, high)
		if i == 1 {
			c = or(c, one)
		} else {
			c = or(one, c)
		}
	}
	return c
}

func (g *generator) ports(v6 bool, transport uint32, q Qualifiers, low, high uint32) *cond {
	var c *cond
	if v6 {
		c = g.nextHeader(transport)
	} else {
		c = and(equal(g.inNetwork(9, 1), whole, transport), g.firstFragment())
	}
	return and(c, ends(q.Dir, func(source bool) *cond {
		off := uint32(2)
		if source {
			off = 0
		}
		if q.Type == TypePort {
			return equal(g.inTransport(v6, off, 2), whole, low)
		}
		return and(test(jge, low, g.inTransport(v6, off, 2)...), not(test(jgt, high, g.inTransport(v6, off, 2)...)))
	}))
}

// firstFragment says that an IPv4 packet is not fragmented, or the first fragment.
func (g *generator) firstFragment() *cond { return not(test(jset, 0x1fff, g.inNetwork(6, 2)...)) }
