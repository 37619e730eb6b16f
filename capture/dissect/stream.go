package dissect

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/gopacket/gopacket/layers"
)

// stream prints what a TCP segment with data begins with, if that is known.
func (p *Printer) stream(t *text, h *layers.TCP, r part) {
	switch {
	case h.SrcPort == portDomain || h.DstPort == portDomain:
		const prefix = 2 // a message's length (RFC 1035, 4.2.2)
		if len(r.data) > prefix && int(binary.BigEndian.Uint16(r.data)) == r.length-prefix {
			t.add(" ")
			p.domain(t, r.from(prefix), false)
		}
	case isHTTP(r.data):
		p.http(t, r)
	default:
		if greeting := tlsGreeting(r.data); greeting != "" {
			t.add(": TLS: %s", greeting)
		}
	}
}

// methods begin an HTTP/1 request (RFC 9110, 9; RFC 5789).
var methods = []string{"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "PATCH ", "OPTIONS ", "CONNECT ", "TRACE "}

// isHTTP says whether bytes look like the beginning of an HTTP/1 message.
func isHTTP(b []byte) bool {
	line, _, _ := bytes.Cut(b[:min(len(b), 16)], []byte("\r\n"))
	if bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return true
	}
	for _, m := range methods {
		if bytes.HasPrefix(line, []byte(m)) {
			return true
		}
	}
	return false
}

// maxHead is how much of a message is looked at, in bytes.
const maxHead = 4096

// http prints a message's first line, or, if verbose, all of its header.
func (p *Printer) http(t *text, r part) {
	head := string(r.data[:min(len(r.data), maxHead)])
	if p.o.Verbose == 0 {
		line, _, _ := strings.Cut(head, "\r\n")
		t.add(": HTTP: %s", line)
		return
	}
	t.add(": HTTP, length: %d", r.length)
	head, _, _ = strings.Cut(head, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		t.line("\t")
		t.add("%s", line)
	}
	t.line("\t")
}

// TLS (RFC 8446).
const (
	tlsHandshake   = 22
	tlsClientHello = 1
	tlsServerHello = 2
	tlsServerName  = 0
	tlsProtocols   = 16
)

// tlsGreeting says which name and protocols a ClientHello asks for (RFC 6066, 3; RFC 7301). For a
// ServerHello it says only that; for all else it is "".
func tlsGreeting(b []byte) string {
	const record = 5
	const header = record + 4 + 2 + 32 // handshake, version, random
	if len(b) < record+1 || b[0] != tlsHandshake || b[1] != 3 {
		return ""
	}
	switch {
	case b[record] == tlsServerHello:
		return "ServerHello"
	case b[record] != tlsClientHello || len(b) < header:
		return ""
	}
	r := reader(b[header:])
	r.take8()  // session ID
	r.take16() // cipher suites
	r.take8()  // compression methods
	extensions := reader(r.take16())
	words := []string{"ClientHello"}
	for len(extensions) >= 4 {
		kind := binary.BigEndian.Uint16(extensions)
		extensions = extensions[2:]
		body := reader(extensions.take16())
		list := reader(body.take16())
		switch {
		case kind == tlsServerName && len(list) > 0 && list[0] == 0: // host_name
			list = list[1:]
			words = append(words, string(list.take16()))
		case kind == tlsProtocols && len(list) > 0:
			var names []string
			for len(list) > 0 {
				names = append(names, string(list.take8()))
			}
			words = append(words, "("+strings.Join(names, ", ")+")")
		}
	}
	return strings.Join(words, " ")
}

// reader takes vectors with a length in front from bytes. It is empty past the end, and a cut
// vector has the bytes that are there.
type reader []byte

func (r *reader) take8() []byte {
	if len(*r) < 1 {
		return nil
	}
	return r.take(1, int((*r)[0]))
}

func (r *reader) take16() []byte {
	if len(*r) < 2 {
		*r = nil
		return nil
	}
	return r.take(2, int(binary.BigEndian.Uint16(*r)))
}

func (r *reader) take(head, n int) []byte {
	b := (*r)[head:min(head+n, len(*r))]
	*r = (*r)[head+len(b):]
	return b
}
