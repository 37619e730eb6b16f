package dissect

import (
	"encoding/binary"
	"strings"

	"github.com/gopacket/gopacket/layers"
)

// Sizes of headers, in bytes.
const (
	ip4Size = 20
	ip6Size = 40
)

// ends are where an IP packet comes from and goes to, with what a transport needs for its checksum.
type ends struct {
	src, dst []byte
	protocol uint8
	fragment bool // a part of a packet: its checksum can not be checked
	said     bool // the addresses were printed
}

// ip4 prints an IPv4 packet (RFC 791). With the link layer, that has said what it is.
func (p *Printer) ip4(t *text, r part) {
	if !p.o.Link {
		t.add("IP ")
	}
	if !p.deeper(t) {
		return
	}
	defer p.higher()
	var h layers.IPv4
	if err := decode(&h, r.data); err != nil {
		if len(r.data) < ip4Size {
			t.add("[|ip]")
		} else {
			t.add("%s > %s: bad header: %v, length %d", p.host(r.data[12:16]), p.host(r.data[16:20]), err, r.length)
		}
		return
	}
	head, total := int(h.IHL)*4, int(h.Length)
	if binary.BigEndian.Uint16(r.data[2:]) == 0 || total < head { // the kernel's own large segments have no length
		total = r.length
	}
	if r.length < total {
		t.add("truncated-ip - %d bytes missing! ", total-r.length)
	}
	if p.o.Verbose > 0 {
		p.ip4Header(t, &h, r.data[:head])
		t.line("    ")
	}
	rest := part{h.Payload, total - head}
	e := ends{h.SrcIP, h.DstIP, uint8(h.Protocol), h.FragOffset > 0 || h.Flags&layers.IPv4MoreFragments != 0, false}
	if h.FragOffset > 0 {
		t.add("%s > %s: %s", p.host(e.src), p.host(e.dst), p.protocol(e.protocol))
		return
	}
	p.transport(t, &e, rest)
}

// maxDepth is how many IP headers of a packet are looked into.
const maxDepth = 6

// deeper says whether another header inside of others is to be looked into; then higher follows.
func (p *Printer) deeper(t *text) bool {
	if p.depth >= maxDepth {
		t.add("[more headers]")
		return false
	}
	p.depth++
	return true
}

func (p *Printer) higher() { p.depth-- }

// ip4Header prints what a header says besides its addresses.
func (p *Printer) ip4Header(t *text, h *layers.IPv4, b []byte) {
	t.add("(tos 0x%x%s", h.TOS, congestion[h.TOS&3])
	if h.TTL > 0 {
		t.add(", ttl %d", h.TTL)
	}
	t.add(", id %d, offset %d, flags [%s], proto %s (%d), length %d", h.Id, int(h.FragOffset)*8, ip4Flags(h.Flags), protocolName(uint8(h.Protocol)), uint8(h.Protocol),
		binary.BigEndian.Uint16(b[2:]))
	if len(h.Options) > 0 {
		var names []string
		for _, o := range h.Options {
			name := ip4Options[o.OptionType]
			if name == "" {
				name = "unknown-" + itoa(int(o.OptionType))
			}
			names = append(names, name)
		}
		t.add(", options (%s)", strings.Join(names, ","))
	}
	if sum := checksum(0, b); sum != 0 {
		t.add(", bad cksum %x (->%x)!", h.Checksum, shouldBe(h.Checksum, sum))
	}
	t.add(")")
}

// congestion names a type of service's last two bits (RFC 3168, 5): ECN-capable, or congestion.
var congestion = []string{"", ",ECT(1)", ",ECT(0)", ",CE"} //nolint:misspell // ECT is the RFC's

// ip4Options are the names of options (RFC 791 and successors).
var ip4Options = map[uint8]string{
	0: "EOL", 1: "NOP", 7: "RR", 68: "timestamp", 130: "security", 131: "LSRR", 137: "SSRR", 148: "RA",
}

func ip4Flags(f layers.IPv4Flag) string {
	var list []string
	if f&layers.IPv4MoreFragments != 0 {
		list = append(list, "+")
	}
	if f&layers.IPv4DontFragment != 0 {
		list = append(list, "DF")
	}
	if f&layers.IPv4EvilBit != 0 {
		list = append(list, "rsvd")
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// ip6 prints an IPv6 packet (RFC 8200), its extension headers in their order.
func (p *Printer) ip6(t *text, r part) {
	if !p.o.Link {
		t.add("IP6 ")
	}
	if !p.deeper(t) {
		return
	}
	defer p.higher()
	if len(r.data) < ip6Size {
		t.add("[|ip6]")
		return
	}
	var h layers.IPv6
	_ = decode(&h, r.data) // an error is about an extension header, which is looked at below
	rest := part{r.data[ip6Size:], int(h.Length)}
	if h.Length == 0 { // a jumbogram, or one of the kernel's own large segments
		rest.length = r.length - ip6Size
	}
	if missing := rest.length + ip6Size - r.length; missing > 0 {
		t.add("truncated-ip6 - %d bytes missing!", missing)
	}
	rest.data = rest.data[:min(len(rest.data), max(rest.length, 0))]
	next := r.data[6]
	if p.o.Verbose > 0 {
		t.add("(")
		if h.TrafficClass != 0 {
			t.add("class 0x%02x, ", h.TrafficClass)
		}
		if h.FlowLabel != 0 {
			t.add("flowlabel 0x%05x, ", h.FlowLabel)
		}
		t.add("hlim %d, next-header %s (%d) payload length: %d) ", h.HopLimit, protocolName(next), next, h.Length)
	}
	p.extensions(t, &ends{r.data[8:24], r.data[24:40], next, false, false}, rest)
}

// Extension headers (RFC 8200, 4; RFC 4302).
const (
	hopByHop    = 0
	routing     = 43
	fragment    = 44
	destination = 60
	fragSize    = 8
)

// extensions prints the extension headers of a packet, and what follows them.
func (p *Printer) extensions(t *text, e *ends, r part) {
	for {
		if isExtension := e.protocol == hopByHop || e.protocol == routing || e.protocol == fragment || e.protocol == destination; !isExtension {
			break
		}
		if !e.said {
			t.add("%s > %s: ", p.host(e.src), p.host(e.dst))
			e.said = true
		}
		if len(r.data) < fragSize {
			t.add("[|%s]", protocolName(e.protocol))
			return
		}
		size := (int(r.data[1]) + 1) * 8
		switch e.protocol {
		case hopByHop:
			t.add("HBH ")
		case destination:
			t.add("DSTOPT ")
		case routing:
			t.add("srcrt (len=%d, type=%d, segleft=%d) ", r.data[1], r.data[2], r.data[3])
		case fragment:
			size = fragSize
			offset := binary.BigEndian.Uint16(r.data[2:])
			id := ""
			if p.o.Verbose > 0 {
				id = "0x" + hex16(binary.BigEndian.Uint16(r.data[4:])) + hex16(binary.BigEndian.Uint16(r.data[6:])) + ":"
			}
			t.add("frag (%s%d|%d) ", id, offset&^7, r.length-size)
			e.fragment = true
			if offset&^7 != 0 {
				return
			}
		}
		e.protocol = r.data[0]
		r = r.from(size)
	}
	p.transport(t, e, r)
}
