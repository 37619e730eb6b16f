package printable_test

import (
	"encoding/json"
	"errors"
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

func TestJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{"a": "ünï"}`: `{"a": "ünï"}`, "\"\u009b2J\u202e\x7f\U000e0001\"\n": `"\u009b2J\u202e\u007f\udb40\udc01"` + "\n",
	} {
		got := printable.JSON([]byte(in))
		if string(got) != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add("a\u009b\U000e0001\ufffd")
	f.Fuzz(func(t *testing.T, s string) {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back, want string
		safe := printable.JSON(text)
		if err := errors.Join(json.Unmarshal(safe, &back), json.Unmarshal(text, &want)); err != nil || back != want {
			t.Errorf("%q comes back as %q, %v", want, back, err)
		}
		if printable.Escape(string(safe)) != string(safe) {
			t.Errorf("%q becomes %q", s, safe)
		}
	})
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x1b[2Jb")
	f.Fuzz(func(t *testing.T, s string) {
		if got := printable.Escape(s); strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q becomes %q", s, got)
		}
	})
}
