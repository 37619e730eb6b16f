package dissect

import (
	"encoding/binary"
	"net"

	"github.com/gopacket/gopacket/layers"

	"dlx/capture/linktype"
)

// Sizes of link-layer headers, in bytes.
const (
	etherSize = 14
	tagSize   = 4
	nullSize  = 4
	maxLength = 1500 // above it an Ethernet frame's type is one
)

// linkHeader is the size of a packet's link-layer header.
func linkHeader(k *Packet) int {
	switch k.Link {
	case linktype.Ethernet:
		return etherSize
	case linktype.Null, linktype.Loop:
		return nullSize
	case linktype.LinuxSLL:
		return linktype.SLLSize
	case linktype.LinuxSLL2:
		return linktype.SLL2Size
	}
	return 0
}

// networkHeader is where a packet's network header begins: VLAN tags are in front of it.
func networkHeader(k *Packet) int {
	at := linkHeader(k)
	if k.Link != linktype.Ethernet {
		return at
	}
	for len(k.Data) >= at && vlanTypes[binary.BigEndian.Uint16(k.Data[at-2:])] {
		at += tagSize
	}
	return at
}

// link prints a packet from its link-layer header on.
func (p *Printer) link(t *text, k *Packet) {
	head := linkHeader(k)
	if len(k.Data) < head {
		t.add("[truncated], length %d", k.Length)
		return
	}
	rest := part{k.Data[head:], k.Length - head}
	switch k.Link {
	case linktype.Ethernet:
		p.ether(t, part{k.Data, k.Length})
	case linktype.Raw, linktype.IPv4, linktype.IPv6:
		p.rawIP(t, rest)
	case linktype.Null, linktype.Loop: // the address family, whose number is the system's that captured
		p.rawIP(t, rest)
	case linktype.LinuxSLL:
		p.cooked(t, k, rest, k.Data[linktype.SLLProtocol:], k.Data[linktype.SLLAddress:], k.Data[linktype.SLLAddressSize+1])
	case linktype.LinuxSLL2:
		p.cooked(t, k, rest, k.Data[linktype.SLL2Protocol:], k.Data[linktype.SLL2Address:], k.Data[linktype.SLL2AddressSize])
	default:
		t.add("link type %d, length %d", k.Link, k.Length)
	}
}

// part is a part of a packet: the bytes that were captured of it, and how many there were.
type part struct {
	data   []byte
	length int
}

// from is what follows the first n bytes.
func (r part) from(n int) part {
	return part{r.data[min(n, len(r.data)):], max(r.length-n, 0)}
}

// rawIP prints IP of the version that the packet says it has.
func (p *Printer) rawIP(t *text, r part) {
	switch {
	case len(r.data) == 0:
		t.add("[truncated], length %d", r.length)
	case r.data[0]>>4 == 4:
		p.ip4(t, r)
	case r.data[0]>>4 == 6:
		p.ip6(t, r)
	default:
		t.add("unknown version %d of IP, length %d", r.data[0]>>4, r.length)
	}
}

// ether prints an Ethernet frame.
func (p *Printer) ether(t *text, r part) {
	var e layers.Ethernet
	if decode(&e, r.data) != nil {
		t.add("[truncated], length %d", r.length)
		return
	}
	kind := binary.BigEndian.Uint16(r.data[12:])
	if p.o.Link {
		t.add("%s > %s, ", e.SrcMAC, e.DstMAC)
	}
	p.tagged(t, r, kind, etherSize)
}

// tagged prints what follows the addresses of a frame, VLAN tags first (IEEE 802.1Q).
func (p *Printer) tagged(t *text, r part, kind uint16, at int) {
	length := r.length
	said := false // the frame's length
	for vlanTypes[kind] && len(r.data) >= at+tagSize {
		tci := binary.BigEndian.Uint16(r.data[at:])
		if p.o.Link {
			t.add("%s%svlan %d, p %d%s, ", p.etherType(kind), frameLength(length, &said), tci&0xfff, tci>>13, dropEligible(tci))
		}
		kind = binary.BigEndian.Uint16(r.data[at+2:])
		at += tagSize
	}
	rest := r.from(at)
	if kind <= maxLength {
		p.llc(t, rest, int(kind), length)
		return
	}
	if p.o.Link {
		t.add("%s%s", p.etherType(kind), frameLength(length, &said))
	}
	if p.network(t, kind, rest) {
		return
	}
	if !p.o.Link {
		t.add("%s > %s, %s%s", net.HardwareAddr(r.data[6:12]), net.HardwareAddr(r.data[:6]), p.etherType(kind), frameLength(length, &said))
	}
	t.add("%d bytes", rest.length)
}

var vlanTypes = map[uint16]bool{0x8100: true, 0x88a8: true, 0x9100: true, 0x9200: true}

func dropEligible(tci uint16) string {
	if tci&0x1000 != 0 {
		return ", DEI"
	}
	return ""
}

// frameLength says the frame's length once.
func frameLength(n int, said *bool) string {
	if *said {
		return ", "
	}
	*said = true
	return ", length " + itoa(n) + ": "
}

// etherType is the type's name and number.
func (p *Printer) etherType(kind uint16) string {
	name := etherTypes[kind]
	if p.o.Quick && name != "" {
		return name
	}
	if name == "" {
		name = "Unknown"
	}
	return "ethertype " + name + " (0x" + hex16(kind) + ")"
}

// etherTypes are the names of types (IEEE 802 numbers), as tcpdump prints them.
var etherTypes = map[uint16]string{
	0x0800: "IPv4", 0x0806: "ARP", 0x8035: "Reverse ARP", 0x86dd: "IPv6", 0x8100: "802.1Q", 0x88a8: "802.1Q-QinQ", 0x9100: "802.1Q-9100",
	0x8847: "MPLS unicast", 0x8848: "MPLS multicast", 0x8863: "PPPoE D", 0x8864: "PPPoE S", 0x888e: "EAPOL", 0x88cc: "LLDP", 0x8809: "Slow Protocols",
	0x9000: "Loopback", 0x6558: "TEB", 0x880b: "PPP", 0x88e5: "802.1AE MACsec",
}

// network prints a packet of a protocol above the link layer; it returns false if it can not say
// more than its type.
func (p *Printer) network(t *text, kind uint16, r part) bool {
	switch kind {
	case 0x0800:
		p.ip4(t, r)
	case 0x86dd:
		p.ip6(t, r)
	case 0x0806, 0x8035:
		p.address(t, r, kind == 0x8035)
	case 0x8847, 0x8848:
		p.mpls(t, r)
	case 0x8864:
		p.session(t, r)
	case 0x6558:
		p.ether(t, r)
	default:
		return false
	}
	return true
}

// cooked prints a packet with Linux's own header: LINKTYPE_LINUX_SLL or _SLL2 (pcap-linktype(7)).
func (p *Printer) cooked(t *text, k *Packet, r part, protocol, address []byte, size byte) {
	kind := binary.BigEndian.Uint16(protocol)
	if k.Direction == "" {
		at := linktype.SLLPacketType + 1 // the lower byte
		if k.Link == linktype.LinuxSLL2 {
			at = linktype.SLL2PacketType
		}
		t.add("%-3s ", packetTypes[min(int(k.Data[at]), len(packetTypes)-1)])
	}
	if p.o.Link {
		if size == 6 {
			t.add("%s ", net.HardwareAddr(address[:6]))
		}
		t.add("%s, length %d: ", p.etherType(kind), k.Length)
	}
	if kind <= maxLength {
		p.llc(t, r, r.length, k.Length)
		return
	}
	if !p.network(t, kind, r) {
		if !p.o.Link {
			t.add("%s, length %d: ", p.etherType(kind), k.Length)
		}
		t.add("%d bytes", r.length)
	}
}

// packetTypes are PACKET_HOST to PACKET_OUTGOING (packet(7)), as tcpdump prints them.
var packetTypes = []string{"In", "B", "M", "P", "Out", "?"}

// llc prints a frame with a length instead of a type (IEEE 802.2).
func (p *Printer) llc(t *text, r part, size, frame int) {
	if p.o.Link {
		t.add("802.3, length %d: ", frame)
	}
	r.length = min(r.length, size)
	r.data = r.data[:min(len(r.data), size)]
	var l layers.LLC
	if decode(&l, r.data) != nil {
		t.add("LLC, length %d", r.length)
		return
	}
	const snap, stp = 0xaa, 0x42
	const snapSize = 8
	switch {
	case l.DSAP == snap && l.SSAP == snap && len(r.data) >= snapSize:
		kind := binary.BigEndian.Uint16(r.data[6:])
		if r.data[3]|r.data[4]|r.data[5] == 0 && p.network(t, kind, r.from(snapSize)) {
			return
		}
		t.add("SNAP, oui 0x%06x, %s, length %d", r.data[3:6], p.etherType(kind), r.length)
	case l.DSAP == stp && l.SSAP == stp:
		p.spanningTree(t, r.from(3))
	default:
		t.add("LLC, dsap 0x%02x, ssap 0x%02x, ctrl 0x%02x, length %d", l.DSAP, l.SSAP, l.Control, r.length)
	}
}

// spanningTree prints a bridge's message (IEEE 802.1D).
func (p *Printer) spanningTree(t *text, r part) {
	var s layers.STP
	if decode(&s, r.data) != nil {
		t.add("STP, length %d", r.length)
		return
	}
	kind := map[uint8]string{0: "Config", 2: "Rapid STP", 0x80: "Topology Change"}[s.Type]
	version := map[uint8]string{0: "802.1d", 2: "802.1w", 3: "802.1s"}[s.Version]
	t.add("STP %s, %s, bridge-id %x.%s.%04x, length %d", version, kind, r.data[17:19], net.HardwareAddr(r.data[19:25]), s.PortID, r.length)
}

// mpls prints a stack of labels (RFC 3032) and what it carries.
func (p *Printer) mpls(t *text, r part) {
	t.add("MPLS (")
	for n := 0; ; n++ {
		if len(r.data) < 4 {
			t.add("[truncated], length %d", r.length)
			return
		}
		w := binary.BigEndian.Uint32(r.data)
		if n > 0 {
			t.add(" (")
		}
		t.add("label %d, tc %d%s, ttl %d)", w>>12, w>>9&7, map[bool]string{true: ", [S]"}[w&0x100 != 0], w&0xff)
		r = r.from(4)
		if w&0x100 != 0 {
			break
		}
	}
	t.add(" ")
	p.rawIP(t, r)
}

// session prints a PPPoE session's packet (RFC 2516).
func (p *Printer) session(t *text, r part) {
	if len(r.data) < 8 {
		t.add("[|pppoe]")
		return
	}
	t.add("PPPoE  [ses 0x%x] ", binary.BigEndian.Uint16(r.data[2:]))
	protocol := binary.BigEndian.Uint16(r.data[6:])
	r = r.from(8)
	switch protocol {
	case 0x0021, 0x0057:
		p.rawIP(t, r)
	default:
		t.add("PPP, protocol 0x%04x, length %d", protocol, r.length)
	}
}
