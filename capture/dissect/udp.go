package dissect

import (
	"github.com/gopacket/gopacket/layers"
)

// Ports of protocols that are looked into.
const (
	portDomain    = 53
	portBootPS    = 67
	portBootPC    = 68
	portNTP       = 123
	portDHCP6C    = 546
	portDHCP6S    = 547
	portVXLAN     = 4789
	portMulticast = 5353
	portLLMNR     = 5355
	portGeneve    = 6081
)

const udpSize = 8

// udp prints a UDP datagram (RFC 768).
func (p *Printer) udp(t *text, e *ends, r part) {
	var h layers.UDP
	if err := decode(&h, r.data); err != nil && len(r.data) < udpSize {
		p.ports(t, e, r, "udp")
		return
	}
	p.pair(t, e, uint16(h.SrcPort), uint16(h.DstPort))
	total := int(h.Length)
	switch {
	case total == 0 && e.protocol == protoUDP: // a jumbogram, or one of the kernel's own large segments
		total = r.length
	case total < udpSize:
		t.add("truncated-udplength %d", total)
		return
	}
	rest := part{h.Payload, total - udpSize}
	if p.o.Quick {
		t.add("UDP, length %d", rest.length)
		return
	}
	if (p.o.Verbose > 1 || p.o.Verbose > 0 && len(e.src) != 4) && e.whole(r) && total <= r.length {
		switch sum := checksum(e.pseudo(total), r.data[:min(total, len(r.data))]); {
		case h.Checksum == 0 && len(e.src) == 4:
			t.add("[no cksum] ")
		case sum == 0:
			t.add("[udp sum ok] ")
		default:
			t.add("[bad udp cksum 0x%04x -> 0x%04x!] ", h.Checksum, shouldBe(h.Checksum, sum))
		}
	}
	if p.datagram(t, uint16(h.SrcPort), uint16(h.DstPort), rest) {
		return
	}
	if total > r.length && !e.fragment {
		t.add("UDP, bad length %d > %d", rest.length, r.length-udpSize)
		return
	}
	t.add("UDP, length %d", rest.length)
}

// datagram prints what a datagram carries; it returns false if it does not know.
func (p *Printer) datagram(t *text, src, dst uint16, r part) bool {
	on := func(port uint16) bool { return src == port || dst == port }
	switch {
	case on(portDomain), on(portMulticast), on(portLLMNR):
		return p.domain(t, r, on(portMulticast))
	case on(portBootPS), on(portBootPC):
		return p.dhcp(t, r)
	case on(portDHCP6C), on(portDHCP6S):
		return p.dhcp6(t, r)
	case on(portNTP):
		return p.ntp(t, r)
	case dst == portVXLAN:
		var v layers.VXLAN
		if decode(&v, r.data) != nil {
			return false
		}
		t.add("VXLAN, flags [%s] (0x%02x), vni %d", map[bool]string{true: "I", false: "."}[v.ValidIDFlag], r.data[0], v.VNI)
		p.inside(t, r.from(8))
	case dst == portGeneve:
		var g layers.Geneve
		if decode(&g, r.data) != nil {
			return false
		}
		t.add("Geneve, Flags [%s], vni 0x%x", geneveFlags(&g), g.VNI)
		if len(g.Options) > 0 {
			t.add(", options [%d bytes]", g.OptionsLength)
		}
		head := 8 + int(g.OptionsLength)
		if kind := uint16(g.Protocol); kind != 0x6558 {
			t.add(": ")
			if !p.network(t, kind, r.from(head)) {
				t.add("%s, length %d", p.etherType(kind), r.length-head)
			}
			return true
		}
		p.inside(t, r.from(head))
	default:
		return false
	}
	return true
}

// inside prints an Ethernet frame that a tunnel carries, on a line of its own.
func (p *Printer) inside(t *text, r part) {
	t.line("")
	p.ether(t, r)
}

func geneveFlags(g *layers.Geneve) string {
	switch {
	case g.OAMPacket && g.CriticalOption:
		return "OC"
	case g.OAMPacket:
		return "O"
	case g.CriticalOption:
		return "C"
	}
	return "none"
}
