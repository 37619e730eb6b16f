package filter

import "dlx/capture/linktype"

// Protocol fields of cooked captures that are no EtherTypes (linux/if_ether.h). PPP's numbers are
// those of RFC 1661.
const (
	cookedNovell = 1 // 802.3 frames without LLC
	cookedLLC    = 4

	pppIP, pppOSI, pppIPX = 0x21, 0x23, 0x2b
	pppMPLS               = 0x0281
	pppDECnet, pppATalk   = 0x27, 0x29
	pppBridge, pppIP6     = 0x31, 0x57
	familyIP              = 2 // AF_INET, everywhere
	familyIP6Linux        = 10
	outgoing              = linktype.Outgoing
)

var pppNumbers = map[uint32]uint32{
	etherIP: pppIP, etherIP6: pppIP6, etherDECnet: pppDECnet, etherATalk: pppATalk, sapISO: pppOSI, sapSTP: pppBridge, sapIPX: pppIPX,
}

// carries tests the protocol behind the link layer: an EtherType, or up to 1500 an LLC SAP.
func (g *generator) carries(proto uint32) *cond {
	if g.labels > 0 {
		return g.mplsCarries(proto)
	}
	switch g.link {
	case Ethernet:
		return g.ethernetCarries(proto)
	case LinuxSLL:
		return g.cookedCarries(proto)
	case Raw:
		return g.rawCarries(proto)
	case IPv4:
		return g.constant(proto == etherIP)
	case IPv6:
		return g.constant(proto == etherIP6)
	case Null, Loop:
		return g.loopbackCarries(proto)
	case ppp:
		if n, ok := pppNumbers[proto]; ok {
			proto = n
		}
	}
	return g.typeIs(proto)
}

// typeIs compares the protocol field.
func (g *generator) typeIs(val uint32) *cond { return equal(g.load(g.typeAt, 0, 2), whole, val) }

// hasLength tests for an 802.3 length in the Ethernet header. An LLC header follows it.
func (g *generator) hasLength() *cond { return not(test(jgt, maxLength, g.load(g.typeAt, 0, 2)...)) }

// sap compares the destination service access point, or both of them.
func (g *generator) sap(val uint32) *cond { return equal(g.load(g.payload, 0, 1), whole, val) }
func (g *generator) saps(val uint32) *cond {
	return equal(g.load(g.payload, 0, 2), whole, val<<8|val)
}

// snap tests for a SNAP header with that organization code and protocol.
func (g *generator) snap(org, proto uint32) *cond {
	return g.equalBytes(g.payload, 0, []byte{0xaa, 0xaa, 3, byte(org >> 16), byte(org >> 8), byte(org), byte(proto >> 8), byte(proto)})
}

func (g *generator) ethernetCarries(proto uint32) *cond {
	switch proto {
	case sapISO, sapNetBEUI:
		return and(g.hasLength(), g.saps(proto))
	case sapIPX:
		llc := or(g.snap(0, etherIPX), or(g.sap(sapIPX), equal(g.load(g.payload, 0, 2), whole, 0xffff)))
		return or(g.typeIs(etherIPX), and(g.hasLength(), llc))
	case etherATalk:
		return or(g.typeIs(proto), and(g.hasLength(), g.snap(0x080007, etherATalk)))
	case etherAARP:
		return or(g.typeIs(proto), and(g.hasLength(), g.snap(0, etherAARP)))
	}
	if proto <= maxLength {
		return and(g.hasLength(), equal(g.load(g.typeAt, 2, 1), whole, proto))
	}
	return g.typeIs(proto)
}

func (g *generator) cookedCarries(proto uint32) *cond {
	llc := g.typeIs(cookedLLC)
	switch proto {
	case sapISO, sapNetBEUI:
		return and(llc, g.saps(proto))
	case sapIPX:
		return or(g.typeIs(etherIPX), or(g.typeIs(cookedNovell), and(llc, or(g.sap(sapIPX), g.snap(0, etherIPX)))))
	case etherATalk:
		return or(g.typeIs(proto), and(llc, g.snap(0x080007, etherATalk)))
	case etherAARP:
		return or(g.typeIs(proto), and(llc, g.snap(0, etherAARP)))
	}
	if proto <= maxLength {
		return and(llc, g.sap(proto))
	}
	return g.typeIs(proto)
}

// rawCarries looks at the version that an IP header begins with.
func (g *generator) rawCarries(proto uint32) *cond {
	switch proto {
	case etherIP:
		return equal(g.load(g.linkHdr, 0, 1), 0xf0, 0x40)
	case etherIP6:
		return equal(g.load(g.linkHdr, 0, 1), 0xf0, 0x60)
	}
	return g.constant(false)
}

// loopbackCarries looks at an address family. IPv6's differs between systems: 24, 28 and 30 on the
// BSDs and macOS, which write such files.
func (g *generator) loopbackCarries(proto uint32) *cond {
	switch {
	case proto == etherIP:
		return g.family(familyIP)
	case proto != etherIP6:
		return g.constant(false)
	case g.opts.Extensions&Metadata != 0:
		return g.family(familyIP6Linux)
	}
	return or(g.family(30), or(g.family(24), g.family(28)))
}

func (g *generator) family(f uint32) *cond {
	if g.link == Null && !g.opts.BigEndian {
		f <<= 24
	}
	return equal(g.load(g.linkHdr, 0, 4), whole, f)
}

// mplsCarries looks behind the last label for an IP header's version.
// That label has the bottom-of-stack bit set.
func (g *generator) mplsCarries(proto uint32) *cond {
	version := map[uint32]uint32{etherIP: 0x40, etherIP6: 0x60}[proto]
	if version == 0 {
		return g.refuse("behind mpls only IPv4 and IPv6 can be told")
	}
	bottom := equal(g.inNetwork(^uint32(1), 1), 1, 1)
	return and(bottom, equal(g.inNetwork(0, 1), 0xf0, version))
}

// ethernet says that the innermost link layer is Ethernet, which behind geneve has to be tested.
func (g *generator) ethernet() *cond {
	if !g.geneve {
		return nil
	}
	code := []inst{{op: ldMem, k: uint32(g.linkHdr.reg)}, {op: ldxMem, k: uint32(g.payload.reg)}}
	return not(test(jeq|srcX, 0, code...))
}

// direction tests which way a packet went, as seen from the machine that captures.
func (g *generator) direction(out bool) *cond {
	var code []inst
	switch {
	case g.link == LinuxSLL:
		code = g.load(g.linkHdr, linktype.SLLPacketType, 2)
	case g.link == LinuxSLL2:
		code = g.load(g.linkHdr, linktype.SLL2PacketType, 1)
	case g.opts.Extensions&Metadata == 0:
		return g.refuseWith(fail(g.at, "files of link type %s do not say the direction", g.link).withHint("inbound and outbound work while capturing, and in files of link type LINUX_SLL and LINUX_SLL2"))
	default:
		code = []inst{{op: ldH, k: adPacketType}}
	}
	c := test(jeq, outgoing, code...)
	if !out {
		c = not(c)
	}
	return c
}

func (g *generator) ifindex(index uint32) *cond {
	switch {
	case g.link == LinuxSLL2:
		return equal(g.load(g.linkHdr, linktype.SLL2Interface, 4), whole, index)
	case g.opts.Extensions&Metadata == 0:
		return g.refuse("files of link type %s do not say the interface's index", g.link)
	}
	return test(jeq, index, inst{op: ldW, k: adIfindex})
}
