package dissect

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// dump shows the packet's bytes.
func (p *Printer) dump(t *text, k *Packet) {
	data := k.Data
	switch p.o.Dump {
	case NoDump:
		return
	case Hex, Both, Text:
		data = data[min(networkHeader(k), len(data)):]
	}
	switch p.o.Dump {
	case Text, TextLink:
		t.lines = append(t.lines, asText(data))
		return
	}
	for at := 0; at < len(data); at += 16 {
		line := data[at:min(at+16, len(data))]
		s := fmt.Sprintf("\t0x%04x:  %s", at, words(line))
		if p.o.Dump == Both || p.o.Dump == BothLink {
			s = fmt.Sprintf("%-49s  %s", s, dots(line))
		}
		t.lines = append(t.lines, strings.TrimRight(s, " "))
	}
}

// words are bytes in hexadecimal, two and two.
func words(b []byte) string {
	var parts []string
	for ; len(b) > 0; b = b[min(2, len(b)):] {
		parts = append(parts, hex.EncodeToString(b[:min(2, len(b))]))
	}
	return strings.Join(parts, " ")
}

// dots are bytes as ASCII, each that has no picture as a dot.
func dots(b []byte) string {
	out := make([]byte, len(b))
	for i, c := range b {
		if out[i] = '.'; c > ' ' && c < 0x7f {
			out[i] = c
		}
	}
	return string(out)
}

// asText is bytes as ASCII with the ends of lines and tabs that they have, carriage returns before
// line feeds left out.
func asText(b []byte) string {
	var out strings.Builder
	for i, c := range b {
		switch {
		case c == '\r' && i+1 < len(b) && b[i+1] == '\n':
		case c == '\n' || c == '\t' || c >= ' ' && c < 0x7f:
			out.WriteByte(c)
		default:
			out.WriteByte('.')
		}
	}
	return out.String()
}
