package policy

import (
	"strings"

	"dlx/internal/printable"
)

// wild are the characters that stand for others in a pattern.
const wild = "*?"

// notInPatterns are characters by which people mean more than there is: taken literally, a rule
// with them would match less than it seems to, and a deny rule let through what it names.
const notInPatterns = `[]{}\`

// unseparated is the separator of text that has none.
const unseparated = rune(-1)

// glob says whether a pattern matches all of s: "*" is any run of characters and "?" one, none of
// them the separator. It takes time in proportion to the product of both lengths at most.
func glob(pattern, s string, sep rune) bool {
	p, text := []rune(pattern), []rune(s)
	star, retry := -1, 0 // the last star, and where what is behind it is tried next
	i, j := 0, 0
	for j < len(text) {
		switch {
		case i < len(p) && p[i] == '*':
			star, retry = i, j
			i++
			continue
		case i < len(p) && (p[i] == '?' && text[j] != sep || p[i] != '?' && p[i] == text[j]):
			i++
			j++
			continue
		case star < 0 || text[retry] == sep:
			return false
		}
		retry++
		i, j = star+1, retry
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// plain says whether text has no byte that could mislead who reads it.
func plain(s string) bool { return printable.Escape(s) == s }

// matches is a pattern of an allow rule: text with control bytes is matched by itself alone, so
// that nothing gets through by "*" that looks like something else.
func matches(pattern, s string) bool {
	return pattern == s || plain(s) && glob(pattern, s, unseparated)
}

// meets is a pattern of a deny rule.
func meets(pattern, s string) bool { return pattern == s || glob(pattern, s, unseparated) }

// exact says whether a pattern stands for itself alone.
func exact(pattern string) bool { return !strings.ContainsAny(pattern, wild) }
