package dissect

import (
	"encoding/binary"
	"strings"

	"github.com/gopacket/gopacket/layers"
)

// tcp prints a TCP segment (RFC 9293).
func (p *Printer) tcp(t *text, e *ends, r part) {
	const smallest = 20
	if len(r.data) < smallest {
		p.ports(t, e, r, "tcp")
		return
	}
	var h layers.TCP
	err := decode(&h, r.data)
	p.pair(t, e, uint16(h.SrcPort), uint16(h.DstPort))
	head := int(h.DataOffset) * 4
	size := r.length - head // of the payload
	if p.o.Quick {
		t.add("tcp %d", size)
		return
	}
	origin := conversation{}
	if !p.o.Absolute && h.ACK {
		origin = p.conversations.find(e, &h)
	}
	seq, ack := h.Seq-origin.seq, h.Ack-origin.ack
	t.add("Flags [%s]", flagSigns(&h))
	switch {
	case head < smallest:
		t.add(" [bad hdr length %d, too short, < %d]", head, smallest)
		return
	case size < 0:
		t.add(" [bad hdr length %d, too long, > %d]", head, r.length)
		return
	}
	if p.o.Verbose > 0 && e.whole(r) {
		t.add(", cksum 0x%04x %s", h.Checksum, verdict(h.Checksum, checksum(e.pseudo(r.length), r.data)))
	}
	if p.o.Verbose > 1 || size > 0 || h.SYN || h.FIN || h.RST {
		t.add(", seq %d", seq)
		if size > 0 {
			t.add(":%d", seq+uint32(size))
		}
	}
	if h.ACK {
		t.add(", ack %d", ack)
	}
	t.add(", win %d", h.Window)
	if h.URG {
		t.add(", urg %d", h.Urgent)
	}
	if head > smallest {
		options := tcpOptions(r.data[smallest:min(head, len(r.data))], origin)
		if err != nil && head > len(r.data) {
			options += "[|tcp]"
		}
		t.add(", options [%s]", options)
	}
	t.add(", length %d", size)
	if size > 0 && len(r.data) > head {
		p.stream(t, &h, r.from(head))
	}
}

// verdict says whether a checksum is right.
func verdict(has, sum uint16) string {
	if sum == 0 {
		return "(correct)"
	}
	return "(incorrect -> 0x" + hex16(shouldBe(has, sum)) + ")"
}

func flagSigns(l *layers.TCP) string {
	var b strings.Builder
	for _, f := range []struct {
		set  bool
		sign byte
	}{{l.FIN, 'F'}, {l.SYN, 'S'}, {l.RST, 'R'}, {l.PSH, 'P'}, {l.ACK, '.'}, {l.URG, 'U'}, {l.ECE, 'E'}, {l.CWR, 'W'}} {
		if f.set {
			b.WriteByte(f.sign)
		}
	}
	if b.Len() == 0 {
		return "none"
	}
	return b.String()
}

// Kinds of options (IANA, TCP parameters).
const (
	tcpEnd        = 0
	tcpNop        = 1
	tcpMSS        = 2
	tcpScale      = 3
	tcpSACKOK     = 4
	tcpSACK       = 5
	tcpTimestamps = 8
	tcpMD5        = 19
	tcpUserTime   = 28
	tcpAuth       = 29
	tcpMultipath  = 30
	tcpFastOpen   = 34
)

// tcpOptions names a segment's options; SACK's numbers are those of the other direction.
func tcpOptions(b []byte, origin conversation) string {
	var out []string
	for len(b) > 0 {
		kind := b[0]
		if kind == tcpEnd || kind == tcpNop {
			out = append(out, map[byte]string{tcpEnd: "eol", tcpNop: "nop"}[kind])
			if kind == tcpEnd {
				break
			}
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			out = append(out, "[bad opt]")
			break
		}
		out = append(out, tcpOption(kind, b[2:b[1]], origin))
		b = b[b[1]:]
	}
	return strings.Join(out, ",")
}

func tcpOption(kind byte, d []byte, origin conversation) string {
	be := binary.BigEndian
	switch {
	case kind == tcpMSS && len(d) == 2:
		return "mss " + itoa(int(be.Uint16(d)))
	case kind == tcpScale && len(d) == 1:
		return "wscale " + itoa(int(d[0]))
	case kind == tcpSACKOK && len(d) == 0:
		return "sackOK"
	case kind == tcpTimestamps && len(d) == 8:
		return "TS val " + itoa(int(be.Uint32(d))) + " ecr " + itoa(int(be.Uint32(d[4:])))
	case kind == tcpSACK && len(d)%8 == 0:
		var s strings.Builder
		s.WriteString("sack " + itoa(len(d)/8) + " ")
		for ; len(d) > 0; d = d[8:] {
			s.WriteString("{" + itoa(int(be.Uint32(d)-origin.ack)) + ":" + itoa(int(be.Uint32(d[4:])-origin.ack)) + "}")
		}
		return s.String()
	case kind == tcpMD5:
		return "md5 " + hexOf(d)
	case kind == tcpUserTime && len(d) == 2:
		return "uto 0x" + hex16(be.Uint16(d))
	case kind == tcpAuth:
		return "auth " + hexOf(d)
	case kind == tcpMultipath:
		return "mptcp " + itoa(len(d)+2)
	case kind == tcpFastOpen && len(d) == 0:
		return "tfo  cookiereq"
	case kind == tcpFastOpen:
		return "tfo  cookie " + hexOf(d)
	}
	s := "unknown-" + itoa(int(kind))
	if len(d) > 0 {
		s += " 0x" + hexOf(d)
	}
	return s
}
