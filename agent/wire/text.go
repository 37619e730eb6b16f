package wire

import "strings"

// text is a string as a message can have it.
func text(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// Texts are strings as a message can have them.
func Texts(list []string) []string { return Each(list, text) }

func bytesOf(list []string) [][]byte { return Each(list, func(s string) []byte { return []byte(s) }) }

func stringsOf(list [][]byte) []string {
	return Each(list, func(b []byte) string { return string(b) })
}

// Each is a list with each item turned into another one; none stays nil.
func Each[A, B any](list []A, f func(A) B) []B {
	if list == nil {
		return nil
	}
	out := make([]B, len(list))
	for i, item := range list {
		out[i] = f(item)
	}
	return out
}
