package filter

import "strings"

// token is a word or a sign of an expression.
type token struct {
	text     string
	pos, end int
}

const signs = "()!"

// lex splits an expression. Signs stand for themselves; && and || are words too.
func lex(expr string) []token {
	var tokens []token
	for i := 0; i < len(expr); {
		c := expr[i]
		start := i
		switch {
		case strings.IndexByte(" \t\n\r", c) >= 0:
			i++
			continue
		case strings.IndexByte(signs, c) >= 0:
			i++
		case strings.HasPrefix(expr[i:], "&&"), strings.HasPrefix(expr[i:], "||"):
			i += 2
		default:
			for i < len(expr) && strings.IndexByte(" \t\n\r"+signs+"&|", expr[i]) < 0 {
				i++
			}
			if i == start {
				i++ // a single & or |, for the parser to refuse
			}
		}
		tokens = append(tokens, token{expr[start:i], start, i})
	}
	return tokens
}
