package dissect

import (
	"encoding/binary"
	"fmt"

	"github.com/gopacket/gopacket/layers"
)

const icmpSize = 8

// icmp prints an ICMP message (RFC 792).
func (p *Printer) icmp(t *text, e *ends, r part) {
	var h layers.ICMPv4
	if decode(&h, r.data) != nil {
		t.add("[|icmp]")
		return
	}
	inner := part{h.Payload, r.length - icmpSize}
	t.add("ICMP %s, length %d", p.icmpText(&h, inner), r.length)
	if p.o.Verbose == 0 {
		return
	}
	if e.whole(r) {
		if sum := checksum(0, r.data[:r.length]); sum != 0 {
			t.add(" (wrong icmp cksum %x (->%x)!)", h.Checksum, shouldBe(h.Checksum, sum))
		}
	}
	switch h.TypeCode.Type() {
	case layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4TypeSourceQuench, layers.ICMPv4TypeRedirect, layers.ICMPv4TypeTimeExceeded, layers.ICMPv4TypeParameterProblem:
		if len(inner.data) >= ip4Size {
			inner.length = int(binary.BigEndian.Uint16(inner.data[2:]))
			t.line("\t")
			p.ip4(t, inner)
		}
	}
}

// icmpText is what a message says. An error quotes the packet that it is about.
func (p *Printer) icmpText(h *layers.ICMPv4, inner part) string {
	code := h.TypeCode.Code()
	switch h.TypeCode.Type() {
	case layers.ICMPv4TypeEchoRequest:
		return fmt.Sprintf("echo request, id %d, seq %d", h.Id, h.Seq)
	case layers.ICMPv4TypeEchoReply:
		return fmt.Sprintf("echo reply, id %d, seq %d", h.Id, h.Seq)
	case layers.ICMPv4TypeDestinationUnreachable:
		return p.unreachable(code, h.Seq, inner)
	case layers.ICMPv4TypeRedirect:
		if len(inner.data) < ip4Size {
			return "redirect"
		}
		gateway := []byte{byte(h.Id >> 8), byte(h.Id), byte(h.Seq >> 8), byte(h.Seq)}
		form := map[uint8]string{0: "redirect %s to net %s", 1: "redirect %s to host %s", 2: "redirect-tos %s to net %s", 3: "redirect-tos %s to host %s"}[code]
		if form == "" {
			form = "redirect-#" + itoa(int(code)) + " %s to net %s"
		}
		return fmt.Sprintf(form, p.host(inner.data[16:20]), p.host(gateway))
	case layers.ICMPv4TypeTimeExceeded:
		switch code {
		case 0:
			return "time exceeded in-transit"
		case 1:
			return "ip reassembly time exceeded"
		}
		return "time exceeded-#" + itoa(int(code))
	case layers.ICMPv4TypeParameterProblem:
		if code != 0 {
			return "parameter problem - code " + itoa(int(code))
		}
		return "parameter problem - octet " + itoa(int(h.Id>>8))
	case layers.ICMPv4TypeTimestampRequest:
		return fmt.Sprintf("time stamp query id %d seq %d", h.Id, h.Seq)
	case layers.ICMPv4TypeTimestampReply:
		return fmt.Sprintf("time stamp reply id %d seq %d", h.Id, h.Seq)
	}
	kind := h.TypeCode.Type()
	if name := map[uint8]string{4: "source quench", 9: "router advertisement", 10: "router solicitation", 17: "address mask request", 18: "address mask reply"}[kind]; name != "" {
		return name
	}
	return fmt.Sprintf("type-#%d", kind)
}

// unreachables are the forms of what can not be reached (RFC 792, 1122, 1812).
var unreachables = map[uint8]string{
	0: "net %s unreachable", 1: "host %s unreachable", 5: "%s unreachable - source route failed", 6: "net %s unreachable - unknown",
	7: "host %s unreachable - unknown", 8: "%s unreachable - source host isolated", 9: "net %s unreachable - admin prohibited",
	10: "host %s unreachable - admin prohibited", 11: "net %s unreachable - tos prohibited", 12: "host %s unreachable - tos prohibited",
	13: "host %s unreachable - admin prohibited filter", 14: "host %s unreachable - host precedence violation", 15: "host %s unreachable - precedence cutoff",
}

func (p *Printer) unreachable(code uint8, mtu uint16, inner part) string {
	if len(inner.data) < ip4Size {
		return "unreachable"
	}
	dst, protocol := p.host(inner.data[16:20]), inner.data[9]
	switch code {
	case 2:
		return fmt.Sprintf("%s protocol %d unreachable", dst, protocol)
	case 3:
		at := int(inner.data[0]&15)*4 + 2
		if len(inner.data) < at+2 {
			return dst + " port unreachable"
		}
		port := binary.BigEndian.Uint16(inner.data[at:])
		switch protocol {
		case protoTCP, protoUDP:
			return fmt.Sprintf("%s %s port %s unreachable", dst, lowerNames[protocol], p.port(port, protocol))
		}
		return fmt.Sprintf("%s protocol %d port %d unreachable", dst, protocol, port)
	case 4:
		if mtu != 0 {
			return fmt.Sprintf("%s unreachable - need to frag (mtu %d)", dst, mtu)
		}
		return dst + " unreachable - need to frag"
	}
	if form := unreachables[code]; form != "" {
		return fmt.Sprintf(form, dst)
	}
	return fmt.Sprintf("#%d %s unreachable", code, dst)
}
