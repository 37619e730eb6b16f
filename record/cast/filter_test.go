package cast_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"dlx/record/cast"
)

func TestFilter(t *testing.T) {
	for in, want := range map[string]string{
		"plain ünïcödé €\r\n\tx\b":                              "plain ünïcödé €\r\n\tx\b",
		"\x1b[1;31mred\x1b[m":                                   "\x1b[1;31mred\x1b[m",
		"\x1b[38:2:1:2:3mx":                                     "\x1b[38:2:1:2:3mx",
		"\x1b[2J\x1b[H\x1b[10;5H\x1b[K\x1b[4A":                  "\x1b[2J\x1b[H\x1b[10;5H\x1b[K\x1b[4A",
		"\x1b7\x1b8\x1bM\x1b(0qqq\x1b(B":                        "\x1b7\x1b8\x1bM\x1b(0qqq\x1b(B",
		"\x1b[?25l\x1b[?1049h":                                  "\x1b[?25l\x1b[?1049h",
		"\x1b[?1049;2004h":                                      "\x1b[?1049h",
		"\x1b]0;title\x07a":                                     "a",
		"\x1b]52;c;aGk=\x1b\\b":                                 "b",
		"\x1b]8;;http://x\x1b\\c\x1b]8;;\x1b\\":                 "c",
		"\x1bP$q\"p\x1b\\d":                                     "d",
		"\x1b_apc\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\e":            "e",
		"\u009d0;t\u009cf\u009b31mg":                            "f\x1b[31mg",
		"\x1b[6n\x1b[c\x1b[>c\x1b[?1$p\x1b[>q\x1b[21t\x1bZ\x05": "",
		"\x1bc\x1b[!p\x1b[?2004h\x1b[?1000h\x1b=\x1b>\x1b[4h\x1b[20h\x1b[3J\x1b[0;3J": "",
		"\x1b#8\x1b%G\x1b*0\x1b[5i\x1b[2 q\x1b[?J\x1b[1;2s\x1b[0q\x1b[3g\x1b[?5W":     "",
		"\x0e\x0f\x07\x0b\x0c\x7f\x00\u202ea":                                         "a",
		"\x1b[99999Ca\x1b[10000bb":                                                    "ab",
		"\x1b[" + strings.Repeat("1;", 100) + "mx":                                    "x",
		"\x1b]0;never ends":                                                           "",
		"\x1b[+5Aa\x1b[-5Ab\x1b[1 Ac\x1b[<1md":                                        "abcd",
		"\x1b[31\x18mx":                                                               "mx",
		"\x1b[31\x1b[32mx":                                                            "\x1b[32mx",
		"\x1b[3€x":                                                                    "€x",
		"\x1b]0;a\x1b[31mb\x07c":                                                      "\x1b[31mbc",
		"\x1b]0;a\u009b31mb\x07c":                                                     "c",
	} {
		if got := (&cast.Filter{}).Text(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	f := &cast.Filter{Plain: true}
	if got := f.Text("a\x1b[31mb\rc\b\x1b(0d\x1b7\n\x1b[?25le") + f.Restore(); got != "abcd\ne" {
		t.Errorf("plain: %q", got)
	}
}

// TestRestore: whatever may be changed is put back.
func TestRestore(t *testing.T) {
	for in, want := range map[string]string{
		"":                                   "\x1b[m",
		"\x1b[?25l\x1b[?7l":                  "\x1b[?7h\x1b[?25h\x1b[m",
		"\x1b[?1049h\x1b(0":                  "\x1b[?1049l\x1b(B\x1b[m",
		"\x1b[?1049h\x1b[?1049l\x1b(0\x1b(B": "\x1b[m",
		"\x1b[2;10r":                         "\x1b7\x1b[r\x1b8\x1b[m",
	} {
		f := &cast.Filter{}
		f.Text(in)
		if got := f.Restore(); got != want {
			t.Errorf("%q is restored by %q, want %q", in, got, want)
		}
	}
}

// allowed is a whole sequence that may come out.
var allowed = regexp.MustCompile(`^\x1b(\[[0-9;:]{0,64}[ABCDEFGHIZ` + "`" + `adefJKLMPSTX@bmrsu]|\[\?(7|25|47|1047|1049)[hl]|\([0B]|[78DEM])`)

// tiny is a parser that knows nothing but what may come out.
func tiny(s string) (rest string, ok bool) {
	for s != "" {
		if m := allowed.FindString(s); m != "" {
			if strings.HasSuffix(m, "J") && strings.Contains(m, "3") {
				return s, false
			}
			s = s[len(m):]
			continue
		}
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 || !unicode.IsPrint(r) && !strings.ContainsRune("\r\n\t\b", r) {
			return s, false
		}
		s = s[n:]
	}
	return "", true
}

func FuzzFilter(f *testing.F) {
	f.Add("\x1b[1;31mred\x1b]0;t\x07\x1b[6n\u009b31m\x1bP1$r\x1b\\", uint8(3), false)
	f.Add("\x1b[?1049;25h\x1b[3J\x1b[\x1b[31;\x18\x1b(", uint8(1), true)
	f.Fuzz(func(t *testing.T, s string, size uint8, plain bool) {
		whole := (&cast.Filter{Plain: plain}).Text(s)
		parts, got := &cast.Filter{Plain: plain}, ""
		for p := range slices.Chunk([]rune(s), max(1, int(size))) {
			text := parts.Text(string(p))
			if rest, ok := tiny(text); !ok {
				t.Fatalf("%q lets %q through, at %q", s, text, rest)
			}
			got += text
		}
		if got != whole {
			t.Errorf("%q becomes %q, and %q in parts of %d", s, whole, got, size)
		}
		if rest, ok := tiny(parts.Restore()); !ok {
			t.Errorf("restored by %q", rest)
		}
		if plain && strings.ContainsAny(whole, "\x1b\r\b") {
			t.Errorf("%q is plain as %q", s, whole)
		}
	})
}
