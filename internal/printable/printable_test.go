package printable_test

import (
	"strings"
	"testing"
	"unicode"

	"dlx/internal/printable"
)

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"plain name": "plain name", "ünïcödé": "ünïcödé", "a\x1b[2Jb": `a\x1b[2Jb`, "a\rb\nc": `a\rb\nc`, "\xff": `\xff`,
		"a\u202eb": `a\u202eb`, "\u009b": `\u009b`, "tab\t": `tab\t`,
	} {
		if got := printable.Escape(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x1b[2Jb")
	f.Fuzz(func(t *testing.T, s string) {
		if got := printable.Escape(s); strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q becomes %q", s, got)
		}
	})
}
