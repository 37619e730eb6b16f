package cli

import (
	"strings"

	"dlx/internal/printable"
)

// sentence prints a sentence of the extcap protocol, KIND {NAME=VALUE}..., from pairs of names and
// values. Pairs without a value are left out.
func (a *app) sentence(kind string, pairs ...string) error {
	var b strings.Builder
	b.WriteString(kind)
	b.WriteByte(' ')
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			b.WriteString("{" + pairs[i] + "=" + sentenceText(pairs[i+1]) + "}")
		}
	}
	return a.printf("%s\n", b.String())
}

// maxText is as much text as one value has, in characters.
const maxText = 200

// sentenceText makes text from containers safe within a sentence: Wireshark finds a value's end at
// a brace, and a sentence's at a line's end; there is no way to quote them.
func sentenceText(s string) string {
	s = strings.NewReplacer("{", "(", "}", ")").Replace(printable.Escape(s))
	if runes := []rune(s); len(runes) > maxText {
		s = string(runes[:maxText]) + "..."
	}
	return s
}

// plain says whether text can be a value that Wireshark hands back. Arguments, names of preferences
// and names of temporary files have it.
func plain(s string) bool {
	return s != "" && s[0] != '-' && len(s) <= maxText && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("_.:@-", r)
	})
}
