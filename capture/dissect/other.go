package dissect

import (
	"encoding/binary"

	"github.com/gopacket/gopacket/layers"
)

// igmp prints an IGMP message (RFC 1112, 2236, 9776).
func (p *Printer) igmp(t *text, r part) {
	const size = 8
	if p.o.Quick {
		t.add("igmp")
		return
	}
	if len(r.data) < size {
		t.add("[|igmp]")
		return
	}
	group := p.host(r.data[4:size])
	switch r.data[0] {
	case 0x11:
		version := "v2"
		if r.length >= 12 {
			version = "v3"
		} else if r.data[1] == 0 {
			version = "v1"
		}
		t.add("igmp query %s", version)
		if binary.BigEndian.Uint32(r.data[4:]) != 0 {
			t.add(" [gaddr %s]", group)
		}
	case 0x12:
		t.add("igmp v1 report %s", group)
	case 0x16:
		t.add("igmp v2 report %s", group)
	case 0x17:
		t.add("igmp leave %s", group)
	case 0x22:
		t.add("igmp v3 report, %d group record(s)", binary.BigEndian.Uint16(r.data[6:]))
	default:
		t.add("igmp-%d", r.data[0])
	}
	if p.o.Verbose > 0 && len(r.data) >= r.length && checksum(0, r.data[:r.length]) != 0 {
		t.add(" bad igmp cksum %x!", binary.BigEndian.Uint16(r.data[2:]))
	}
}

// gre prints a GRE header (RFC 2784, 2890) and what it carries.
func (p *Printer) gre(t *text, r part) {
	var h layers.GRE
	if decode(&h, r.data) != nil {
		t.add("[|gre]")
		return
	}
	t.add("GREv%d", h.Version)
	if p.o.Verbose > 0 {
		t.add(", Flags [%s]", greFlags(&h))
	}
	if h.KeyPresent {
		t.add(", key=0x%x", h.Key)
	}
	if h.SeqPresent {
		t.add(", seq %d", h.Seq)
	}
	kind := uint16(h.Protocol)
	if p.o.Link {
		t.add(", proto %s (0x%04x)", etherTypes[kind], kind)
	}
	t.add(", length %d", r.length)
	if h.Version != 0 {
		return
	}
	if p.o.Verbose > 0 {
		t.line("\t")
	} else {
		t.add(": ")
	}
	rest := r.from(len(h.Contents))
	if !p.network(t, kind, rest) {
		t.add("gre-proto-0x%04x", kind)
	}
}

func greFlags(h *layers.GRE) string {
	s := sign(h.ChecksumPresent, "checksum present, ") + sign(h.RoutingPresent, "routing present, ") + sign(h.KeyPresent, "key present, ") + sign(h.SeqPresent, "sequence# present, ")
	if s == "" {
		return "none"
	}
	return s[:len(s)-2]
}

// ipsec prints the header of a packet that is encrypted or signed (RFC 4302, 4303).
func (p *Printer) ipsec(t *text, e *ends, r part) {
	const espSize, ahSize = 8, 12
	if e.protocol == protoESP {
		if len(r.data) < espSize {
			t.add("[|esp]")
			return
		}
		t.add("ESP(spi=0x%08x,seq=0x%x), length %d", binary.BigEndian.Uint32(r.data), binary.BigEndian.Uint32(r.data[4:]), r.length)
		return
	}
	if len(r.data) < ahSize {
		t.add("[|ah]")
		return
	}
	size := (int(r.data[1]) + 2) * 4
	t.add("AH(spi=0x%08x,seq=0x%x,icv=0x%x): ", binary.BigEndian.Uint32(r.data[4:]), binary.BigEndian.Uint32(r.data[8:]), r.data[ahSize:min(max(size, ahSize), len(r.data))])
	if !p.deeper(t) {
		return
	}
	defer p.higher()
	e.protocol = r.data[0]
	p.transport(t, e, r.from(size))
}

// vrrp prints a router's announcement (RFC 5798).
func (p *Printer) vrrp(t *text, r part) {
	const size = 8
	if len(r.data) < size {
		t.add("[|vrrp]")
		return
	}
	t.add("VRRPv%d, Advertisement, vrid %d, prio %d, length %d", r.data[0]>>4, r.data[1], r.data[2], r.length)
}

// dhcp prints a message of BOOTP or DHCP (RFC 2131).
func (p *Printer) dhcp(t *text, r part) bool {
	var h layers.DHCPv4
	err := decode(&h, r.data)
	const fixed = 44
	if len(r.data) < fixed {
		return false
	}
	switch r.data[0] {
	case 1:
		t.add("BOOTP/DHCP, Request from %s, length %d", h.ClientHWAddr, r.length)
	case 2:
		t.add("BOOTP/DHCP, Reply, length %d", r.length)
	default:
		return false
	}
	if err != nil || p.o.Verbose == 0 {
		return true
	}
	t.add(", xid 0x%x", h.Xid)
	for _, a := range []struct {
		name string
		ip   []byte
	}{{"Client-IP", h.ClientIP}, {"Your-IP", h.YourClientIP}, {"Server-IP", h.NextServerIP}, {"Gateway-IP", h.RelayAgentIP}} {
		if len(a.ip) == 4 && binary.BigEndian.Uint32(a.ip) != 0 {
			t.line("\t  ")
			t.add("%s %s", a.name, p.host(a.ip))
		}
	}
	for _, o := range h.Options[:min(len(h.Options), maxRecords)] {
		t.line("\t    ")
		t.add("%s Option %d, length %d", o.Type, uint8(o.Type), o.Length)
		switch {
		case o.Type == layers.DHCPOptMessageType && len(o.Data) == 1:
			t.add(": %s", layers.DHCPMsgType(o.Data[0]))
		case len(o.Data) == 4:
			t.add(": %s", p.host(o.Data))
		case o.Type == layers.DHCPOptHostname || o.Type == layers.DHCPOptDomainName:
			t.add(": \"%s\"", o.Data)
		}
	}
	return true
}

// dhcp6Names are those of DHCPv6's messages (RFC 8415, 7.3).
var dhcp6Names = []string{
	"", "solicit", "advertise", "request", "confirm", "renew", "rebind", "reply", "release", "decline", "reconf", "inf-req", "relay-fwd", "relay-reply",
}

// dhcp6 prints a message of DHCPv6.
func (p *Printer) dhcp6(t *text, r part) bool {
	if len(r.data) < 4 || r.data[0] == 0 || int(r.data[0]) >= len(dhcp6Names) {
		return false
	}
	t.add("dhcp6 %s", dhcp6Names[r.data[0]])
	if p.o.Verbose > 0 {
		t.add(" (xid=%x)", binary.BigEndian.Uint32(r.data)&0xffffff)
	}
	return true
}

// ntp prints a message about the time (RFC 5905).
func (p *Printer) ntp(t *text, r part) bool {
	if len(r.data) < 4 {
		return false
	}
	modes := [...]string{"unspecified", "symmetric active", "symmetric passive", "Client", "Server", "Broadcast", "Control Message", "Reserved"}
	first := r.data[0]
	t.add("NTPv%d, %s, length %d", first>>3&7, modes[first&7], r.length)
	var h layers.NTP
	if p.o.Verbose > 0 && decode(&h, r.data) == nil {
		t.line("\t")
		t.add("Leap indicator: %d, Stratum %d, poll %d, precision %d", h.LeapIndicator, h.Stratum, h.Poll, h.Precision)
	}
	return true
}
