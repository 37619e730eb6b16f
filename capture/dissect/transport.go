package dissect

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

func address(b []byte) string {
	if len(b) == 4 || len(b) == 16 {
		return net.IP(b).String()
	}
	return fmt.Sprintf("%x", b)
}

func mac(b []byte) string { return net.HardwareAddr(b).String() }

func tcp(ends [2]string, l *layers.TCP, payload int) string {
	size := max(payload-4*int(l.DataOffset), 0)
	var b strings.Builder
	fmt.Fprintf(&b, "%s.%d > %s.%d: Flags [%s]", ends[0], uint16(l.SrcPort), ends[1], uint16(l.DstPort), tcpFlags(l))
	switch {
	case size > 0:
		fmt.Fprintf(&b, ", seq %d:%d", l.Seq, l.Seq+uint32(size))
	case l.SYN || l.FIN || l.RST:
		fmt.Fprintf(&b, ", seq %d", l.Seq)
	}
	if l.ACK {
		fmt.Fprintf(&b, ", ack %d", l.Ack)
	}
	fmt.Fprintf(&b, ", win %d", l.Window)
	if l.URG {
		fmt.Fprintf(&b, ", urg %d", l.Urgent)
	}
	if len(l.Options) > 0 {
		fmt.Fprintf(&b, ", options [%s]", tcpOptions(l.Options))
	}
	fmt.Fprintf(&b, ", length %d", size)
	if text := application(l.Payload); text != "" {
		b.WriteString(": " + text)
	}
	return b.String()
}

func tcpFlags(l *layers.TCP) string {
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

func tcpOptions(list []layers.TCPOption) string {
	var out []string
	for _, o := range list {
		d := o.OptionData
		switch {
		case o.OptionType == layers.TCPOptionKindNop:
			out = append(out, "nop")
		case o.OptionType == layers.TCPOptionKindEndList:
			out = append(out, "eol")
		case o.OptionType == layers.TCPOptionKindMSS && len(d) == 2:
			out = append(out, fmt.Sprintf("mss %d", binary.BigEndian.Uint16(d)))
		case o.OptionType == layers.TCPOptionKindWindowScale && len(d) == 1:
			out = append(out, fmt.Sprintf("wscale %d", d[0]))
		case o.OptionType == layers.TCPOptionKindSACKPermitted:
			out = append(out, "sackOK")
		case o.OptionType == layers.TCPOptionKindTimestamps && len(d) == 8:
			out = append(out, fmt.Sprintf("TS val %d ecr %d", binary.BigEndian.Uint32(d), binary.BigEndian.Uint32(d[4:])))
		case o.OptionType == layers.TCPOptionKindSACK && len(d)%8 == 0:
			out = append(out, fmt.Sprintf("sack %d", len(d)/8))
		default:
			out = append(out, fmt.Sprintf("option %d", uint8(o.OptionType)))
		}
	}
	return strings.Join(out, ",")
}

func udp(ends [2]string, l *layers.UDP) string {
	head := fmt.Sprintf("%s.%d > %s.%d: ", ends[0], uint16(l.SrcPort), ends[1], uint16(l.DstPort))
	size := max(int(l.Length)-8, 0)
	if l.SrcPort == 53 || l.DstPort == 53 {
		if text := domain(l.Payload); text != "" {
			return head + fmt.Sprintf("%s (%d)", text, size)
		}
	}
	return head + fmt.Sprintf("UDP, length %d", size)
}

// domain says what a DNS message asks and answers, or "" if it is none.
func domain(payload []byte) string {
	m := &layers.DNS{}
	if m.DecodeFromBytes(payload, gopacket.NilDecodeFeedback) != nil {
		return ""
	}
	var parts []string
	for _, q := range m.Questions {
		parts = append(parts, fmt.Sprintf("%s? %s.", q.Type, q.Name))
	}
	question := strings.Join(parts, " ")
	if !m.QR {
		return fmt.Sprintf("%d+ %s", m.ID, question)
	}
	parts = nil
	for _, a := range m.Answers {
		parts = append(parts, fmt.Sprintf("%s %s", a.Type, answer(&a)))
	}
	if m.ResponseCode != layers.DNSResponseCodeNoErr {
		parts = append(parts, m.ResponseCode.String())
	}
	return fmt.Sprintf("%d %d/%d/%d %s %s", m.ID, len(m.Answers), len(m.Authorities), len(m.Additionals), question, strings.Join(parts, ", "))
}

func answer(a *layers.DNSResourceRecord) string {
	switch {
	case a.IP != nil:
		return a.IP.String()
	case len(a.CNAME) > 0:
		return string(a.CNAME) + "."
	case len(a.PTR) > 0:
		return string(a.PTR) + "."
	case len(a.NS) > 0:
		return string(a.NS) + "."
	}
	return fmt.Sprintf("[%d bytes]", a.DataLength)
}

// methods begin an HTTP/1 request.
var methods = []string{"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "PATCH ", "OPTIONS ", "CONNECT ", "TRACE "}

// application says what a TCP segment begins with: an HTTP/1 request or status line, or a TLS greeting's server name.
func application(payload []byte) string {
	line, _, _ := bytes.Cut(payload[:min(len(payload), 512)], []byte("\r\n"))
	text := string(line)
	if strings.HasPrefix(text, "HTTP/1.") {
		return "HTTP: " + text
	}
	for _, m := range methods {
		if strings.HasPrefix(text, m) {
			return "HTTP: " + text
		}
	}
	if name := serverName(payload); name != "" {
		return "TLS: " + name
	}
	return ""
}

// serverName is the name that a TLS ClientHello asks for (RFC 8446, 4.1.2; RFC 6066, 3), "" if there is none.
func serverName(b []byte) string {
	const header = 5 + 4 + 2 + 32 // record, handshake, version, random
	if len(b) < header || b[0] != 22 || b[5] != 1 {
		return ""
	}
	r := reader(b[header:])
	r.skip8()  // session ID
	r.skip16() // cipher suites
	r.skip8()  // compression methods
	extensions := reader(r.take16())
	for len(extensions) > 4 {
		kind := binary.BigEndian.Uint16(extensions)
		extensions = extensions[2:]
		body := reader(extensions.take16())
		if kind != 0 || len(body) < 5 || body[2] != 0 {
			continue
		}
		body = body[3:]
		return string(body.take16())
	}
	return ""
}

// reader takes vectors with a length in front from bytes; past the end it is empty.
type reader []byte

func (r *reader) skip8() {
	if len(*r) > 0 {
		*r = (*r)[min(1+int((*r)[0]), len(*r)):]
	}
}

func (r *reader) skip16() { r.take16() }

func (r *reader) take16() []byte {
	if len(*r) < 2 {
		*r = nil
		return nil
	}
	n := min(int(binary.BigEndian.Uint16(*r)), len(*r)-2)
	out := (*r)[2 : 2+n]
	*r = (*r)[2+n:]
	return out
}
