package filter

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// primitive is the condition of a value with its qualifiers.
func (g *generator) primitive(n *Primitive) *cond {
	q := n.Qualifiers
	g.at, g.all = n.valueAt, n.span
	if q.Dir >= dirAddr1 {
		return g.mismatch("%s is for 802.11 frames", q.Dir)
	}
	switch v := n.Value.(type) {
	case Number:
		return g.number(q, uint32(v))
	case Name:
		return g.name(q, string(v))
	case Dotted:
		return g.dotted(q, v)
	case Prefix:
		return g.prefix6(q, v)
	case MAC:
		if q.Proto != ProtoLink || q.Type > TypeHost {
			return g.refuseWith(fail(g.all, "a MAC address goes with ether host").withHint("ether host " + v.String()))
		}
		return g.etherHost(v, q.Dir)
	}
	return g.refuse("a value of an unknown kind")
}

// mismatch refuses a value with qualifiers that it does not go with.
func (g *generator) mismatch(format string, args ...any) *cond {
	return g.refuseWith(fail(g.all, format, args...))
}

// number is a number as a host, a network, a port or a protocol.
func (g *generator) number(q Qualifiers, n uint32) *cond {
	switch q.Type {
	case TypePort, TypePortRange:
		return g.portRange(q, n, n, 0)
	case TypeProto:
		return g.proto(n, q.Proto)
	case TypeProtoChain:
		return g.protoChain(n, q.Proto)
	case TypeGateway:
		return g.refuse("gateway takes a name")
	}
	mask := whole
	switch {
	case q.Proto == ProtoLink:
		return g.refuse("expected a MAC address")
	case q.Proto == ProtoDECnet && n > 65535:
		return g.refuse("expected a DECnet address, AREA.NODE, up to 63.1023")
	case q.Type == TypeNet && q.Proto != ProtoDECnet:
		for n != 0 && n>>24 == 0 {
			n, mask = n<<8, mask<<8
		}
	}
	return g.host4(q, n, mask)
}

// dotted is an IPv4 address or the start of one, with a mask or a prefix length.
func (g *generator) dotted(q Qualifiers, v Dotted) *cond {
	if q.Proto == ProtoDECnet && v.Bits < 0 && v.Mask == "" {
		return g.decnet(q, v.Addr)
	}
	addr, length, ok := parseDotted(v.Addr)
	if !ok {
		return g.refuse("%s is no IPv4 address", v.Addr)
	}
	mask := whole << (32 - length)
	switch {
	case v.Mask != "":
		if mask, _, ok = parseDotted(v.Mask); !ok {
			return g.refuse("%s is no network mask", v.Mask)
		}
	case v.Bits >= 0:
		mask = whole << (32 - v.Bits)
	}
	masked := v.Mask != "" || v.Bits >= 0
	switch {
	case masked && addr&^mask != 0:
		return g.refuseWith(fail(g.at, "the address has bits beyond its mask").withHint("did you mean " + netip.AddrFrom4(be32(addr&mask)).String() + "/" + strconv.Itoa(bits.LeadingZeros32(^mask)) + "?"))
	case masked && q.Type != TypeNet:
		return g.mismatch("a mask goes with net only")
	case q.Type > TypeNet:
		return g.mismatch("%s takes no IPv4 address", q.Type)
	case q.Proto == ProtoLink:
		return g.refuse("expected a MAC address")
	}
	return g.host4(q, addr, mask)
}

// parseDotted parses one to four decimal numbers, the first ones of an address; length is in bits.
func parseDotted(s string) (addr uint32, length int, ok bool) {
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil || length == 32 {
			return 0, 0, false
		}
		addr, length = addr<<8|uint32(n), length+8
	}
	return addr << (32 - length), length, true
}

func be32(n uint32) (b [4]byte) {
	binary.BigEndian.PutUint32(b[:], n)
	return b
}

// prefix6 is an IPv6 address with or without a prefix length.
func (g *generator) prefix6(q Qualifiers, v Prefix) *cond {
	length := v.Bits
	if length < 0 {
		length = 128
	}
	switch masked := netip.PrefixFrom(v.Addr, length).Masked(); {
	case masked.Addr() != v.Addr:
		return g.refuseWith(fail(g.at, "the address has bits beyond its prefix length").withHint("did you mean " + masked.String() + "?"))
	case q.Type > TypeNet:
		return g.mismatch("%s takes no IPv6 address", q.Type)
	case length < 128 && q.Type != TypeNet:
		return g.mismatch("a prefix length goes with net only")
	}
	return g.host6(q, v.Addr, length)
}

// host4 tests an IPv4 address or network in the protocols that have one.
func (g *generator) host4(q Qualifiers, addr, mask uint32) *cond {
	switch q.Proto {
	case ProtoAny:
		c := g.addresses(etherIP, 12, 16, q.Dir, be(addr, mask))
		if g.labels > 0 {
			return c
		}
		c = or(c, g.addresses(etherARP, 14, 24, q.Dir, be(addr, mask)))
		return or(c, g.addresses(etherRARP, 14, 24, q.Dir, be(addr, mask)))
	case ProtoIP:
		return g.addresses(etherIP, 12, 16, q.Dir, be(addr, mask))
	case ProtoARP:
		return g.addresses(etherARP, 14, 24, q.Dir, be(addr, mask))
	case ProtoRARP:
		return g.addresses(etherRARP, 14, 24, q.Dir, be(addr, mask))
	case ProtoDECnet:
		return g.decnetAddress(q.Dir, addr)
	}
	return g.refuseWith(fail(g.all, "%s has no host or network addresses", q.Proto).withHint("join them: " + q.Proto.String() + " and host …"))
}

// host6 tests an IPv6 address or network.
func (g *generator) host6(q Qualifiers, addr netip.Addr, length int) *cond {
	if q.Proto != ProtoAny && q.Proto != ProtoIP6 {
		return g.mismatch("%s has no IPv6 addresses", q.Proto)
	}
	b := addr.As16()
	var words []masked
	for i := range 4 {
		n := min(max(length-32*i, 0), 32)
		words = append(words, masked{binary.BigEndian.Uint32(b[4*i:]), uint32(uint64(whole) << (32 - n))})
	}
	return g.addresses(etherIP6, 8, 24, q.Dir, words)
}

// masked is a word of an address with its mask.
type masked struct{ val, mask uint32 }

func be(addr, mask uint32) []masked { return []masked{{addr, mask}} }

// addresses tests the addresses at two offsets of a protocol's header.
func (g *generator) addresses(proto, src, dst uint32, dir Dir, words []masked) *cond {
	return ends(dir, func(source bool) *cond {
		off := dst
		if source {
			off = src
		}
		c := g.carries(proto)
		for i, w := range words {
			c = and(c, equal(g.inNetwork(off+4*uint32(i), 4), w.mask, w.val))
		}
		return c
	})
}

// ends tests the source, the destination, one of them or both.
func ends(dir Dir, end func(source bool) *cond) *cond {
	switch dir {
	case Src:
		return end(true)
	case Dst:
		return end(false)
	}
	source := end(true)
	if dir == SrcAndDst {
		return and(source, end(false))
	}
	return or(source, end(false))
}

// etherHost tests Ethernet addresses.
func (g *generator) etherHost(mac [6]byte, dir Dir) *cond {
	if g.link != Ethernet {
		return g.mismatch("link type %s has no Ethernet addresses", g.link)
	}
	return and(g.ethernet(), ends(dir, func(source bool) *cond {
		if source {
			return g.equalBytes(g.linkHdr, 6, mac[:])
		}
		return g.equalBytes(g.linkHdr, 0, mac[:])
	}))
}

// decnet parses a DECnet address, AREA.NODE.
func (g *generator) decnet(q Qualifiers, text string) *cond {
	area, node, _ := strings.Cut(text, ".")
	a, aerr := strconv.ParseUint(area, 10, 6)
	n, nerr := strconv.ParseUint(node, 10, 10)
	if aerr != nil || nerr != nil {
		return g.refuse("expected a DECnet address, AREA.NODE, up to 63.1023")
	}
	if q.Type > TypeNet {
		return g.mismatch("%s takes no DECnet address", q.Type)
	}
	return g.decnetAddress(q.Dir, uint32(a<<10|n))
}

// decnetAddress tests the addresses of DECnet routing headers, short and long, with and without a
// byte of padding in front. They are in little-endian byte order.
func (g *generator) decnetAddress(dir Dir, addr uint32) *cond {
	val := addr&0xff<<8 | addr>>8&0xff
	return ends(dir, func(source bool) *cond {
		short, long := uint32(1), uint32(7)
		if source {
			short, long = 3, 15
		}
		at := func(off uint32) *cond { return equal(g.inNetwork(2+off, 2), whole, val) }
		unpadded := func(flags uint32) *cond { return equal(g.inNetwork(2, 1), 7, flags) }
		padded := func(flags uint32) *cond { return equal(g.inNetwork(2, 2), 0xff07, 0x8100|flags) }
		c := g.carries(etherDECnet)
		return and(c, or(or(or(
			and(unpadded(2), at(short)),
			and(padded(2), at(1+short))),
			and(unpadded(6), at(long))),
			and(padded(6), at(1+long))))
	})
}
