package dissect

import (
	"encoding/binary"
	"net"
	"strings"

	"github.com/gopacket/gopacket/layers"
)

// icmp6Names are the names of messages (RFC 4443, 4861, 2710, 3810).
var icmp6Names = map[uint8]string{
	1: "destination unreachable", 2: "packet too big", 3: "time exceeded in-transit", 4: "parameter problem", 128: "echo request", 129: "echo reply",
	130: "multicast listener query", 131: "multicast listener report", 132: "multicast listener done", 133: "router solicitation",
	134: "router advertisement", 135: "neighbor solicitation", 136: "neighbor advertisement", 137: "redirect", 138: "router renumbering",
	143: "multicast listener report v2",
}

// Messages whose details are printed.
const (
	icmp6Unreachable   = 1
	icmp6TooBig        = 2
	icmp6TimeExceeded  = 3
	icmp6Parameter     = 4
	icmp6EchoRequest   = 128
	icmp6EchoReply     = 129
	icmp6ListenerQuery = 130
	icmp6ListenerDone  = 132
	icmp6Solicitation  = 133
	icmp6Advertisement = 134
	icmp6WhoHas        = 135
	icmp6IsAt          = 136
	icmp6Redirect      = 137
	icmp6Report2       = 143

	targetEnd = icmpSize + 16 // of a message about an address
)

// icmp6 prints an ICMPv6 message.
func (p *Printer) icmp6(t *text, e *ends, r part) {
	var h layers.ICMPv6
	if decode(&h, r.data) != nil || len(r.data) < icmpSize {
		t.add("[|icmp6]")
		return
	}
	kind, code := h.TypeCode.Type(), h.TypeCode.Code()
	if p.o.Verbose > 0 && e.whole(r) {
		if sum := checksum(e.pseudo(r.length), r.data[:r.length]); sum == 0 {
			t.add("[icmp6 sum ok] ")
		} else {
			t.add("[bad icmp6 cksum 0x%04x -> 0x%04x!] ", h.Checksum, shouldBe(h.Checksum, sum))
		}
	}
	name := icmp6Names[kind]
	if name == "" {
		name = "unknown icmp6 type (" + itoa(int(kind)) + ")"
	}
	t.add("ICMP6, %s", name)
	neighbor := kind >= icmp6Solicitation && kind <= icmp6Redirect
	if p.o.Verbose > 0 && neighbor {
		t.add(", length %d", r.length)
	}
	p.icmp6More(t, kind, code, r)
	if p.o.Verbose == 0 {
		t.add(", length %d", r.length)
	}
	if p.o.Verbose > 0 && neighbor {
		p.neighborOptions(t, kind, r.data)
	}
}

// icmp6More prints what a kind of messages has to say.
func (p *Printer) icmp6More(t *text, kind, code uint8, r part) {
	word := binary.BigEndian.Uint32(r.data[4:])
	inner := r.from(icmpSize)
	about := len(r.data) >= targetEnd
	switch kind {
	case icmp6Unreachable:
		p.unreachable6(t, code, inner)
	case icmp6TooBig:
		t.add(", mtu %d", word)
	case icmp6TimeExceeded:
		if code == 1 {
			t.add(" (reassembly)")
		} else if len(inner.data) >= ip6Size {
			t.add(" for %s", p.host(inner.data[24:40]))
		}
	case icmp6Parameter:
		t.add(", %s - octet %d", [...]string{"erroneous", "next header", "option", "code " + itoa(int(code))}[min(code, 3)], word)
	case icmp6EchoRequest, icmp6EchoReply:
		t.add(", id %d, seq %d", word>>16, word&0xffff)
	case icmp6WhoHas:
		if about {
			t.add(", who has %s", p.host(r.data[icmpSize:targetEnd]))
		}
	case icmp6IsAt:
		if about {
			t.add(", tgt is %s", p.host(r.data[icmpSize:targetEnd]))
		}
		if p.o.Verbose > 0 {
			t.add(", Flags [%s]", neighborFlags(r.data[4]))
		}
	case icmp6Redirect:
		if len(r.data) >= targetEnd+16 {
			t.add(", %s to %s", p.host(r.data[targetEnd:targetEnd+16]), p.host(r.data[icmpSize:targetEnd]))
		}
	case icmp6ListenerQuery, icmp6ListenerQuery + 1, icmp6ListenerDone:
		if about {
			t.add(" max resp delay: %d addr: %s", word>>16, p.host(r.data[icmpSize:targetEnd]))
		}
	case icmp6Report2:
		t.add(", %d group record(s)", word&0xffff)
	}
}

func (p *Printer) unreachable6(t *text, code uint8, inner part) {
	names := []string{"unreachable route", "unreachable prohibited", "beyond scope", "unreachable address", "unreachable port"}
	if int(code) >= len(names) {
		t.add(", unknown unreach code (%d)", code)
		return
	}
	t.add(", %s", names[code])
	if len(inner.data) < ip6Size {
		return
	}
	dst, protocol := p.host(inner.data[24:40]), inner.data[6]
	const noPort = 4
	if code == noPort && len(inner.data) >= ip6Size+4 && (protocol == protoTCP || protocol == protoUDP) {
		t.add(", %s %s port %s", dst, lowerNames[protocol], p.port(binary.BigEndian.Uint16(inner.data[ip6Size+2:]), protocol))
		return
	}
	t.add(" %s", dst)
}

func neighborFlags(b byte) string {
	var list []string
	for i, name := range []string{"router", "solicited", "override"} {
		if b&(0x80>>i) != 0 {
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// neighborOptions prints what a message of neighbor discovery says behind its fixed part (RFC 4861,
// 4.6), each on a line.
func (p *Printer) neighborOptions(t *text, kind uint8, b []byte) {
	at := map[uint8]int{icmp6Solicitation: icmpSize, icmp6Advertisement: 16, icmp6WhoHas: targetEnd, icmp6IsAt: targetEnd, icmp6Redirect: targetEnd + 16}[kind]
	if kind == icmp6Advertisement && len(b) >= at {
		t.line("\t")
		t.add("hop limit %d, Flags [0x%02x], router lifetime %ds, reachable time %dms, retrans timer %dms",
			b[4], b[5], binary.BigEndian.Uint16(b[6:]), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:]))
	}
	for b = b[min(at, len(b)):]; len(b) >= 8; {
		size := int(b[1]) * 8
		if size == 0 || size > len(b) {
			return
		}
		t.line("\t  ")
		p.neighborOption(t, b[:size])
		b = b[size:]
	}
}

func (p *Printer) neighborOption(t *text, o []byte) {
	head := map[byte]string{
		1: "source link-address option", 2: "destination link-address option", 3: "prefix info option", 4: "redirected header option", 5: "mtu option",
		25: "rdnss option",
	}[o[0]]
	if head == "" {
		head = "unknown option"
	}
	t.add("%s (%d), length %d (%d): ", head, o[0], len(o), o[1])
	switch {
	case o[0] == 1 || o[0] == 2:
		t.add("%s", net.HardwareAddr(o[2:8]))
	case o[0] == 3 && len(o) >= 32:
		t.add("%s/%d, Flags [0x%02x], valid time %ds, pref. time %ds", p.host(o[16:32]), o[2], o[3], binary.BigEndian.Uint32(o[4:]), binary.BigEndian.Uint32(o[8:]))
	case o[0] == 5:
		t.add(" %d", binary.BigEndian.Uint32(o[4:]))
	case o[0] == 25 && len(o) >= 24:
		t.add(" lifetime %ds,", binary.BigEndian.Uint32(o[4:]))
		for a := o[8:]; len(a) >= 16; a = a[16:] {
			t.add(" addr: %s", p.host(a[:16]))
		}
	default:
		t.add("0x%s", hexOf(o[2:]))
	}
}
