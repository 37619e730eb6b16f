package printable

import (
	"fmt"
	"unicode"
	"unicode/utf16"
)

// JSON returns a text of JSON with each character outside of ASCII that Escape would not let
// through in JSON's own way of writing it (RFC 8259, section 7). What is below is the encoder's,
// which escapes it in strings.
func JSON(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range string(text) {
		switch {
		case r <= unicode.MaxASCII && r != 0x7f || !unsafeRune(r):
			out = append(out, string(r)...)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		}
	}
	return out
}
