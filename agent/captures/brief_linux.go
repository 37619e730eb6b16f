package captures

import "strings"

// Bounds of what a list tells of a capture, in bytes and words: whoever asked for it has chosen it.
// The definition has all.
const (
	maxText  = 1 << 10
	maxWord  = 128
	maxWords = 16
)

func brief(s string) string { return clip(s, maxWord) }

func briefly(list []string) (out []string) {
	for _, s := range list[:min(len(list), maxWords)] {
		out = append(out, brief(s))
	}
	return out
}

// clip is a text's beginning.
func clip(s string, most int) string {
	return strings.ToValidUTF8(s[:min(len(s), most)], "\ufffd")
}
