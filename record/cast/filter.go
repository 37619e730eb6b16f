package cast

import (
	"strconv"
	"strings"
	"unicode"
)

// state is where a Filter is in its input, after the parser of DEC's terminals
// (vt100.net/emu/dec_ansi_parser).
type state int

const (
	ground  state = iota
	escape        // behind ESC
	charset       // behind ESC and an intermediate byte
	control       // in a control sequence
	ignored       // in one that is too long
	stringy       // in a string: OSC, DCS, SOS, PM, APC
)

// Filter lets text, colours and the cursor's movement through, and nothing else of what a terminal
// would act upon. Left out are strings (titles, the clipboard, links, whatever a terminal is asked
// to store), questions, whose answers the terminal types, and modes that stay. The state is kept
// from one call to the next. Only whole sequences come out, so that what comes out is safe wherever
// the input was cut.
type Filter struct {
	// Plain lets text and line feeds through alone.
	Plain bool

	at    state
	seq   []byte // of the sequence so far
	modes [len(modes)]bool
	line  bool // the set of line-drawing characters is on
	area  bool // a scrolling region is set
	out   strings.Builder
}

// maxSequence bounds a sequence, in bytes.
const maxSequence = 64

// modes are those that may be changed, and how each is at the end: DEC's private ones (xterm's
// ctlseqs, "DEC Private Mode Set").
var modes = [...]struct {
	number string
	normal bool
}{
	{"7", true},   // lines wrap
	{"25", true},  // the cursor is shown
	{"47", false}, // the other screen
	{"1047", false},
	{"1049", false},
}

// Text returns what of a text is let through.
func (f *Filter) Text(s string) string {
	f.out.Reset()
	for _, r := range s {
		f.rune(r)
	}
	return f.out.String()
}

func (f *Filter) rune(r rune) {
	switch {
	case r == 0x1b: // ends whatever was before
		f.at, f.seq = escape, f.seq[:0]
		return
	case r == 0x18, r == 0x1a: // CAN, SUB
		f.at = ground
		return
	case r == 0x9c: // ST
		f.at = ground
		return
	case f.at != stringy && r >= 0x80 && r < 0xa0:
		f.c1(r)
		return
	}
	switch f.at {
	case ground:
		f.plain(r)
	case escape:
		f.escape(r)
	case charset:
		f.charset(r)
	case control, ignored:
		f.control(r)
	case stringy:
		if r == 0x07 { // BEL ends those of xterm
			f.at = ground
		}
	}
}

// c1 is a control character of the upper half, which some terminals take also in UTF-8.
func (f *Filter) c1(r rune) {
	f.at, f.seq = ground, f.seq[:0]
	switch r {
	case 0x9b:
		f.at = control
	case 0x90, 0x98, 0x9d, 0x9e, 0x9f:
		f.at = stringy
	}
}

// plain is a character outside of sequences.
func (f *Filter) plain(r rune) {
	switch {
	case r == '\n', r == '\t', unicode.IsPrint(r):
		f.out.WriteRune(r)
	case !f.Plain && (r == '\r' || r == '\b'):
		f.out.WriteRune(r)
	}
}

func (f *Filter) escape(r rune) {
	f.at = ground
	switch {
	case r == '[':
		f.at = control
	case strings.ContainsRune("]PX^_", r):
		f.at = stringy
	case r >= 0x20 && r < 0x30:
		f.at, f.seq = charset, append(f.seq, byte(r))
	case strings.ContainsRune("78DEM", r): // save and restore the cursor, move it by a line
		f.emit("\x1b" + string(r))
	}
}

// charset is behind ESC and an intermediate byte. G0 may be ASCII or line drawing.
func (f *Filter) charset(r rune) {
	switch {
	case r >= 0x20 && r < 0x30 && len(f.seq) < maxSequence:
		f.seq = append(f.seq, byte(r))
		return
	case string(f.seq) == "(" && (r == '0' || r == 'B') && !f.Plain:
		f.line = r == '0'
		f.emit("\x1b(" + string(r))
	}
	f.at = ground
}

func (f *Filter) control(r rune) {
	switch {
	case r >= 0x20 && r < 0x40:
		if len(f.seq) >= maxSequence {
			f.at = ignored
			return
		}
		f.seq = append(f.seq, byte(r))
	case r >= 0x40 && r < 0x7f:
		if f.at == control {
			f.final(string(f.seq), byte(r))
		}
		f.at = ground
	case r > 0xa0: // no terminal takes that for a part of one
		f.at = ground
		f.plain(r)
	}
}

func (f *Filter) emit(s string) {
	if !f.Plain {
		f.out.WriteString(s)
	}
}

// Control sequences without a private prefix, by their last byte (ECMA-48, 8.3).
const (
	moving  = "ABCDEFGHIZ`adef" // the cursor
	editing = "JKLMPSTX@b"      // erase, insert, delete, scroll, repeat
	maximum = 9999              // of a parameter
)

// final is the end of a control sequence.
func (f *Filter) final(params string, last byte) {
	if mode, ok := strings.CutPrefix(params, "?"); ok && (last == 'h' || last == 'l') {
		f.mode(mode, last)
		return
	}
	numbers := params == "" || strings.Trim(params, "0123456789;:") == ""
	switch {
	case !numbers:
		return
	case last == 'm': // colours
	case last == 'r' && !strings.Contains(params, ":"):
		f.area = true
	case (last == 's' || last == 'u') && params == "":
	case last == 'J' && strings.Trim(params, "012") != "": // 3 erases what has scrolled out
		return
	case strings.IndexByte(moving+editing, last) < 0, strings.Contains(params, ":"):
		return
	}
	for p := range strings.FieldsFuncSeq(params, func(r rune) bool { return r == ';' || r == ':' }) {
		if n, err := strconv.Atoi(p); err != nil || n > maximum {
			return
		}
	}
	f.emit("\x1b[" + params + string(last))
}

// mode sets or resets modes that are put back at the end.
func (f *Filter) mode(params string, last byte) {
	for p := range strings.SplitSeq(params, ";") {
		for i, m := range modes {
			if m.number == p {
				f.modes[i] = (last == 'h') != m.normal
				f.emit("\x1b[?" + p + string(last))
			}
		}
	}
}

// Restore returns what puts the terminal back.
func (f *Filter) Restore() string {
	if f.Plain {
		return ""
	}
	var b strings.Builder
	if f.area {
		b.WriteString("\x1b7\x1b[r\x1b8")
	}
	for i, m := range modes {
		if f.modes[i] {
			b.WriteString("\x1b[?" + m.number + map[bool]string{true: "h", false: "l"}[m.normal])
		}
	}
	if f.line {
		b.WriteString("\x1b(B")
	}
	b.WriteString("\x1b[m")
	f.at, f.seq, f.modes, f.line, f.area = ground, nil, [len(modes)]bool{}, false, false
	return b.String()
}
