package dissect

import (
	"encoding/binary"

	"github.com/gopacket/gopacket/layers"
)

// IP's protocols (Assigned Internet Protocol Numbers).
const (
	protoICMP   = 1
	protoIGMP   = 2
	protoIPv4   = 4
	protoTCP    = 6
	protoUDP    = 17
	protoIPv6   = 41
	protoGRE    = 47
	protoESP    = 50
	protoAH     = 51
	protoICMPv6 = 58
	protoNone   = 59
	protoVRRP   = 112
	protoSCTP   = 132
)

// protocolNames are those that tcpdump prints.
var protocolNames = map[uint8]string{
	0: "Options", protoICMP: "ICMP", protoIGMP: "IGMP", protoIPv4: "IPIP", protoTCP: "TCP", protoUDP: "UDP", 33: "DCCP", protoIPv6: "IPv6", 43: "Routing",
	44: "Fragment", 46: "RSVP", protoGRE: "GRE", protoESP: "ESP", protoAH: "AH", protoICMPv6: "ICMPv6", protoNone: "No next header", 60: "Options",
	88: "EIGRP", 89: "OSPF", 103: "PIM", 108: "Compressed IP", protoVRRP: "VRRP", 113: "PGM", protoSCTP: "SCTP",
}

// protocolName is a protocol's name for people.
func protocolName(n uint8) string {
	if name := protocolNames[n]; name != "" {
		return name
	}
	return "unknown"
}

// protocol is a protocol's name in a line that says no more.
func (p *Printer) protocol(n uint8) string {
	if name := lowerNames[n]; name != "" && p.o.Names != nil {
		return name
	}
	return "ip-proto-" + itoa(int(n))
}

// lowerNames are those of /etc/protocols.
var lowerNames = map[uint8]string{
	1: "icmp", 2: "igmp", 4: "ipencap", 6: "tcp", 17: "udp", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah", 58: "ipv6-icmp", 89: "ospf", 103: "pim", 132: "sctp",
}

// transport prints what an IP packet carries.
func (p *Printer) transport(t *text, e *ends, r part) {
	r.data = r.data[:min(len(r.data), max(r.length, 0))]
	switch e.protocol {
	case protoTCP:
		p.tcp(t, e, r)
		return
	case protoUDP:
		p.udp(t, e, r)
		return
	case protoSCTP:
		p.sctp(t, e, r)
		return
	}
	if !e.said {
		t.add("%s > %s: ", p.host(e.src), p.host(e.dst))
		e.said = true
	}
	switch e.protocol {
	case protoICMP:
		p.icmp(t, e, r)
	case protoICMPv6:
		p.icmp6(t, e, r)
	case protoIGMP:
		p.igmp(t, r)
	case protoGRE:
		p.gre(t, r)
	case protoIPv4:
		p.ip4(t, r)
	case protoIPv6:
		p.ip6(t, r)
	case protoESP, protoAH:
		p.ipsec(t, e, r)
	case protoVRRP:
		p.vrrp(t, r)
	case protoNone:
		t.add("no next header")
	default:
		t.add(" %s %d", p.protocol(e.protocol), r.length)
	}
}

// pair prints both ends with their ports.
func (p *Printer) pair(t *text, e *ends, src, dst uint16) {
	if e.said {
		t.add("%s > %s: ", p.port(src, e.protocol), p.port(dst, e.protocol))
		return
	}
	t.add("%s.%s > %s.%s: ", p.host(e.src), p.port(src, e.protocol), p.host(e.dst), p.port(dst, e.protocol))
}

// ports prints both ends of a packet whose header is cut, as far as it is there.
func (p *Printer) ports(t *text, e *ends, r part, name string) {
	if len(r.data) >= 4 {
		p.pair(t, e, binary.BigEndian.Uint16(r.data), binary.BigEndian.Uint16(r.data[2:]))
	} else if !e.said {
		t.add("%s > %s: ", p.host(e.src), p.host(e.dst))
	}
	t.add("[|%s]", name)
}

// checksum adds bytes to a sum, one's complement (RFC 1071), and returns its complement.
func checksum(sum uint32, b []byte) uint16 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) > 0 {
		sum += uint32(b[0]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// shouldBe is the right checksum of a header. The header has the checksum has, and checking it gave
// sum in place of 0.
func shouldBe(has, sum uint16) uint16 {
	n := uint32(has) + uint32(sum)
	n = n&0xffff + n>>16
	return uint16(n)
}

// pseudo is the sum of the pseudo header before a transport's (RFC 9293, 3.1; RFC 8200, 8.1).
func (e *ends) pseudo(length int) uint32 {
	sum := uint32(e.protocol) + uint32(length&0xffff) + uint32(length>>16)
	for _, a := range [][]byte{e.src, e.dst} {
		for i := 0; i+1 < len(a); i += 2 {
			sum += uint32(a[i])<<8 | uint32(a[i+1])
		}
	}
	return sum
}

// whole says whether all of a transport's packet is there, so that its checksum can be checked.
func (e *ends) whole(r part) bool { return !e.fragment && len(r.data) >= r.length }

// sctp prints an SCTP packet's header and the kinds of its chunks (RFC 9260).
func (p *Printer) sctp(t *text, e *ends, r part) {
	var h layers.SCTP
	if decode(&h, r.data) != nil {
		p.ports(t, e, r, "sctp")
		return
	}
	p.pair(t, e, uint16(h.SrcPort), uint16(h.DstPort))
	t.add("sctp")
	const head, chunkHead = 12, 4
	for n, b := 1, r.data[head:]; len(b) >= chunkHead && n <= 16; n++ {
		size := int(binary.BigEndian.Uint16(b[2:]))
		name := sctpChunks[b[0]]
		if name == "" {
			name = "chunk type " + itoa(int(b[0]))
		}
		t.add(" (%d) [%s]", n, name)
		if size < chunkHead {
			t.add(" [bad chunk length %d]", size)
			return
		}
		b = b[min((size+3)&^3, len(b)):]
	}
}

var sctpChunks = map[byte]string{
	0: "DATA", 1: "INIT", 2: "INIT ACK", 3: "SACK", 4: "HB REQ", 5: "HB ACK", 6: "ABORT", 7: "SHUTDOWN", 8: "SHUTDOWN ACK", 9: "OP ERR", 10: "COOKIE ECHO",
	11: "COOKIE ACK", 14: "SHUTDOWN COMPLETE", 192: "FORWARD CUM TSN",
}
