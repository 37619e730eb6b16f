package applet

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/itchyny/gojq"
)

// jsonStyle is how values are written: indent "" is all on one line.
type jsonStyle struct {
	indent       string
	color, ascii bool
}

// The colors are jq 1.7's.
const (
	colorNull   = "\x1b[1;30m"
	colorPlain  = "\x1b[0;39m"
	colorString = "\x1b[0;32m"
	colorNest   = "\x1b[1;39m"
	colorKey    = "\x1b[34;1m"
	colorEnd    = "\x1b[0m"
)

func (s jsonStyle) text(v any) string {
	var b strings.Builder
	s.write(&b, v, "\n")
	return b.String()
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// write writes a value; newline is a line's end and the indent of the value that it is in.
func (s jsonStyle) write(b *strings.Builder, v any, newline string) {
	switch v := v.(type) {
	case []any:
		s.nest(b, "[", "]", len(v), newline, func(i int, inner string) { s.write(b, v[i], inner) })
	case map[string]any:
		keys := sortedKeys(v)
		s.nest(b, "{", "}", len(v), newline, func(i int, inner string) {
			s.paint(b, colorKey, s.scalar(keys[i]))
			s.paint(b, colorNest, ":")
			if s.indent != "" {
				b.WriteByte(' ')
			}
			s.write(b, v[keys[i]], inner)
		})
	case nil:
		s.paint(b, colorNull, "null")
	case string:
		s.paint(b, colorString, s.scalar(v))
	default:
		s.paint(b, colorPlain, s.scalar(v))
	}
}

func (s jsonStyle) nest(b *strings.Builder, open, end string, n int, newline string, element func(i int, inner string)) {
	if n == 0 {
		s.paint(b, colorNest, open+end)
		return
	}
	s.paint(b, colorNest, open)
	inner := newline + s.indent
	for i := range n {
		if i > 0 {
			s.paint(b, colorNest, ",")
		}
		if s.indent != "" {
			b.WriteString(inner)
		}
		element(i, inner)
	}
	if s.indent != "" {
		b.WriteString(newline)
	}
	s.paint(b, colorNest, end)
}

func (s jsonStyle) paint(b *strings.Builder, color, text string) {
	if s.color {
		text = color + text + colorEnd
	}
	b.WriteString(text)
}

// scalar is what gojq makes of a value without parts.
func (s jsonStyle) scalar(v any) string {
	data, err := gojq.Marshal(v)
	if err != nil {
		return "null"
	}
	if !s.ascii {
		return string(data)
	}
	var b strings.Builder
	for _, r := range string(data) {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
