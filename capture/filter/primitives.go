package filter

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/net/bpf"
)

// EtherTypes and protocol numbers (IEEE 802, IANA).
const (
	etherIP   = 0x0800
	etherARP  = 0x0806
	etherRARP = 0x8035
	etherIP6  = 0x86dd

	protoICMP     = 1
	protoTCP      = 6
	protoUDP      = 17
	protoFragment = 44 // IPv6's fragment header
	protoICMP6    = 58
	protoSCTP     = 132
)

var (
	etherTypes     = map[string]uint32{"ip": etherIP, "ip6": etherIP6, "arp": etherARP, "rarp": etherRARP}
	transportTypes = map[string]uint8{"tcp": protoTCP, "udp": protoUDP, "sctp": protoSCTP, "icmp": protoICMP, "icmp6": protoICMP6}
)

// network is where the network header begins.
func (g *generator) network() uint32 {
	if g.link == Ethernet {
		return 14
	}
	return 0
}

// load loads size bytes of the network header.
func (g *generator) load(off uint32, size int) {
	g.emit(bpf.LoadAbsolute{Off: g.network() + off, Size: size})
}

// equal is a test of a byte of the network header.
func (g *generator) equal(off, val uint32) func(t, f label) {
	return func(t, f label) {
		g.load(off, 1)
		g.compare(bpf.JumpEqual, val, t, f)
	}
}

// family tests for a network protocol: by the EtherType, or by the version that an IP header begins with.
func (g *generator) family(name string) func(t, f label) {
	return func(t, f label) {
		if g.link == Ethernet {
			g.emit(bpf.LoadAbsolute{Off: 12, Size: 2})
			g.compare(bpf.JumpEqual, etherTypes[name], t, f)
			return
		}
		version := map[string]uint32{"ip": 0x40, "ip6": 0x60}[name]
		if version == 0 { // there is no such packet on this link type
			g.emit(bpf.LoadConstant{Dst: bpf.RegA})
			g.compare(bpf.JumpEqual, 1, t, f)
			return
		}
		g.emit(bpf.LoadAbsolute{Off: 0, Size: 1})
		g.emit(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf0})
		g.compare(bpf.JumpEqual, version, t, f)
	}
}

// protocol tests for a bare name.
func (g *generator) protocol(name string, t, f label) {
	switch name {
	case "ip", "ip6", "arp", "rarp":
		g.family(name)(t, f)
	case "icmp":
		g.ip4Proto(protoICMP)(t, f)
	case "icmp6":
		g.ip6Proto(protoICMP6)(t, f)
	default:
		number := transportTypes[name]
		g.anyOf(t, f, g.ip6Proto(number), g.ip4Proto(number))
	}
}

func (g *generator) ipProto(n *ipProto, t, f label) {
	switch n.family {
	case "ip":
		g.ip4Proto(n.number)(t, f)
	case "ip6":
		g.ip6Proto(n.number)(t, f)
	default:
		g.anyOf(t, f, g.ip4Proto(n.number), g.ip6Proto(n.number))
	}
}

func (g *generator) ip4Proto(number uint8) func(t, f label) {
	return func(t, f label) { g.allOf(t, f, g.family("ip"), g.equal(9, uint32(number))) }
}

// ip6Proto looks at the next header, and behind a fragment header for its.
func (g *generator) ip6Proto(number uint8) func(t, f label) {
	return func(t, f label) {
		g.allOf(t, f, g.family("ip6"), func(t, f label) {
			g.anyOf(t, f, g.equal(6, uint32(number)), func(t, f label) {
				g.allOf(t, f, g.equal(6, protoFragment), g.equal(40, uint32(number)))
			})
		})
	}
}

// ends tests the source, the destination, or both, by a test that takes one of two offsets.
func (g *generator) ends(d direction, source, destination func(t, f label), t, f label) {
	switch d {
	case src:
		source(t, f)
	case dst:
		destination(t, f)
	case both:
		g.allOf(t, f, source, destination)
	default:
		g.anyOf(t, f, source, destination)
	}
}

// address tests IPv4 addresses in IP, ARP and RARP packets, or in the one kind that is named, and IPv6 addresses.
func (g *generator) address(n *address, t, f label) {
	if n.prefix.Addr().Is6() {
		g.addressIn("ip6", n, 8, 24, t, f)
		return
	}
	in := func(family string, source, destination uint32) func(t, f label) {
		return func(t, f label) { g.addressIn(family, n, source, destination, t, f) }
	}
	switch {
	case n.family == "ip" || n.family == "" && g.link != Ethernet:
		in("ip", 12, 16)(t, f)
	case n.family != "":
		in(n.family, 14, 24)(t, f)
	default:
		g.anyOf(t, f, in("ip", 12, 16), in("arp", 14, 24), in("rarp", 14, 24))
	}
}

func (g *generator) addressIn(family string, n *address, source, destination uint32, t, f label) {
	g.allOf(t, f, g.family(family), func(t, f label) {
		g.ends(n.dir, g.prefixAt(source, n.prefix), g.prefixAt(destination, n.prefix), t, f)
	})
}

// prefixAt compares the words of an address, masked to the prefix's length.
func (g *generator) prefixAt(off uint32, prefix netip.Prefix) func(t, f label) {
	return func(t, f label) {
		bytes := prefix.Addr().AsSlice()
		var words []func(t, f label)
		for i := 0; i < len(bytes); i += 4 {
			bits := min(max(prefix.Bits()-8*i, 0), 32)
			if bits == 0 {
				continue
			}
			mask := uint32(uint64(0xffffffff) << (32 - bits))
			val := binary.BigEndian.Uint32(bytes[i:])
			words = append(words, func(t, f label) {
				g.load(off+uint32(i), 4)
				if bits < 32 {
					g.emit(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: mask})
				}
				g.compare(bpf.JumpEqual, val, t, f)
			})
		}
		g.allOf(t, f, words...)
	}
}

// ports tests the ports of unfragmented IPv4 packets and of IPv6 packets whose first header is the transport's.
func (g *generator) ports(n *ports, t, f label) {
	numbers := []uint8{protoTCP, protoUDP, protoSCTP}
	if n.transport != "" {
		numbers = []uint8{transportTypes[n.transport]}
	}
	oneOf := func(off uint32) func(t, f label) {
		return func(t, f label) {
			var tests []func(t, f label)
			for _, number := range numbers {
				tests = append(tests, g.equal(off, uint32(number)))
			}
			g.anyOf(t, f, tests...)
		}
	}
	notFragment := func(t, f label) {
		g.load(6, 2)
		g.compare(bpf.JumpBitsSet, 0x1fff, f, t)
	}
	four := func(t, f label) {
		g.allOf(t, f, g.family("ip"), oneOf(9), notFragment, func(t, f label) { g.ends(n.dir, g.portAt(n, 0, true), g.portAt(n, 2, true), t, f) })
	}
	six := func(t, f label) {
		g.allOf(t, f, g.family("ip6"), oneOf(6), func(t, f label) { g.ends(n.dir, g.portAt(n, 40, false), g.portAt(n, 42, false), t, f) })
	}
	g.anyOf(t, f, four, six)
}

// portAt compares the port at an offset of the network header, or behind an IPv4 header of any length.
func (g *generator) portAt(n *ports, off uint32, behind bool) func(t, f label) {
	return func(t, f label) {
		if behind {
			g.emit(bpf.LoadMemShift{Off: g.network()})
			g.emit(bpf.LoadIndirect{Off: g.network() + off, Size: 2})
		} else {
			g.load(off, 2)
		}
		if n.low == n.high {
			g.compare(bpf.JumpEqual, uint32(n.low), t, f)
			return
		}
		high := g.label()
		g.compare(bpf.JumpGreaterOrEqual, uint32(n.low), high, f)
		g.place(high)
		g.compare(bpf.JumpLessOrEqual, uint32(n.high), t, f)
	}
}

// mac tests Ethernet addresses, the last four bytes first as libpcap does.
func (g *generator) mac(n *mac, t, f label) {
	if g.link != Ethernet {
		g.refuse("ether does not occur on this link type")
	}
	at := func(off uint32) func(t, f label) {
		return func(t, f label) {
			low := g.label()
			g.emit(bpf.LoadAbsolute{Off: off + 2, Size: 4})
			g.compare(bpf.JumpEqual, binary.BigEndian.Uint32(n.addr[2:]), low, f)
			g.place(low)
			g.emit(bpf.LoadAbsolute{Off: off, Size: 2})
			g.compare(bpf.JumpEqual, uint32(binary.BigEndian.Uint16(n.addr)), t, f)
		}
	}
	g.ends(n.dir, at(6), at(0), t, f)
}
