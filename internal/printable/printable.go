// Package printable makes text from containers safe for a terminal: names, labels and packets can
// hold escape sequences (CVE-2021-25743 is the attack).
package printable

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape returns s without bytes that could steer a terminal or break a line. These are written as
// in a Go string: control bytes (also carriage return and line feed), invalid UTF-8, and characters
// that have no picture or turn the direction of writing.
func Escape(s string) string {
	if !strings.ContainsFunc(s, unsafeRune) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if unsafeRune(r) {
			q := strconv.Quote(s[:n])
			b.WriteString(q[1 : len(q)-1])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

func unsafeRune(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
