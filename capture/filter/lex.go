package filter

import (
	"net/netip"
	"strconv"
	"strings"
)

// token is a word or a sign of an expression. A token is the longest text that is one.
type token struct {
	kind  kind
	value uint32 // of a number or a keyword
	text  string // without the backslash of an escaped name
	span
}

// lex splits an expression; the last token is a kEnd.
func lex(expr string) ([]token, *failure) {
	tokens := make([]token, 0, len(expr)/3+2)
	for i := 0; i < len(expr); {
		if strings.IndexByte(" \t\r\n", expr[i]) >= 0 {
			i++
			continue
		}
		t, err := lexOne(expr, i)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		i = t.end
	}
	return append(tokens, token{span: span{len(expr), len(expr)}}), nil
}

func lexOne(expr string, i int) (token, *failure) {
	c := expr[i]
	if c == '\\' {
		return lexEscaped(expr, i)
	}
	if isHex(c) || c == ':' {
		if t, ok, err := lexColons(expr, i); ok || err != nil {
			return t, err
		}
	}
	if isAlnum(c) {
		return lexWord(expr, i)
	}
	return lexSign(expr, i)
}

// lexEscaped takes the name behind a backslash, which is never a keyword.
func lexEscaped(expr string, i int) (token, *failure) {
	end := i + 1
	for end < len(expr) && strings.IndexByte(" !()\n\t", expr[end]) < 0 {
		end++
	}
	if end == i+1 {
		return token{}, fail(span{i, end}, "expected a name after the backslash")
	}
	return token{kind: kName, text: expr[i+1 : end], span: span{i, end}}, nil
}

// lexColons takes an IPv6 or MAC address that is written with colons. What has one colon is numbers
// and a sign, as in ip[0:4].
func lexColons(expr string, i int) (token, bool, *failure) {
	end, colons := i, 0
	for end < len(expr) && (isHex(expr[end]) || expr[end] == ':' || expr[end] == '.') {
		if expr[end] == ':' {
			colons++
		}
		end++
	}
	if colons < 2 {
		return token{}, false, nil
	}
	t := token{text: expr[i:end], span: span{i, end}}
	if _, ok := parseMAC(t.text); ok {
		t.kind = kMAC
		return t, true, nil
	}
	if addr, err := netip.ParseAddr(t.text); err == nil && addr.Is6() {
		t.kind = kIPv6
		return t, true, nil
	}
	return token{}, false, fail(t.span, "expected an IPv6 or a MAC address")
}

// lexWord takes a keyword, a number, an address or a name.
func lexWord(expr string, i int) (token, *failure) {
	end := i
	for end < len(expr) && (isAlnum(expr[end]) || strings.IndexByte("-_.", expr[end]) >= 0) {
		end++
	}
	for expr[end-1] == '-' || expr[end-1] == '_' {
		end--
	}
	t := token{kind: kName, text: expr[i:end], span: span{i, end}}
	if w, ok := words[t.text]; ok {
		t.kind, t.value = w.kind, w.value
		return t, nil
	}
	if !isHex(t.text[0]) {
		return t, nil
	}
	if _, ok := parseMAC(t.text); ok {
		t.kind = kMAC
		return t, nil
	}
	if isNumber(t.text) {
		n, err := strconv.ParseUint(t.text, 0, 32)
		if err != nil {
			return token{}, fail(t.span, "expected a number of at most 32 bits: decimal, 0x and hexadecimal, or 0 and octal")
		}
		t.kind, t.value = kNumber, uint32(n)
		return t, nil
	}
	if isDotted(t.text) {
		t.kind = kIPv4
	}
	return t, nil
}

func lexSign(expr string, i int) (token, *failure) {
	t := token{kind: kSign, value: uint32(expr[i]), text: expr[i : i+1], span: span{i, i + 1}}
	if i+1 < len(expr) {
		two := token{kind: kSign, text: expr[i : i+2], span: span{i, i + 2}}
		switch two.text {
		case ">=":
			two.value = signGE
		case "<=":
			two.value = signLE
		case "!=":
			two.value = signNE
		case "==":
			two.value = '='
		case "<<":
			two.value = signLSH
		case ">>":
			two.value = signRSH
		case "&&":
			two.kind = kAnd
		case "||":
			two.kind = kOr
		default:
			two.kind = kEnd
		}
		if two.kind != kEnd {
			return two, nil
		}
	}
	if expr[i] == '!' {
		t.kind = kNot
	} else if strings.IndexByte("<>()[]+*/&|-=%^:", expr[i]) < 0 {
		return token{}, fail(t.span, "there is no such character in the filter language").withHint("shells take some characters away: put the filter in single quotes")
	}
	return t, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
func isAlnum(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }

// isNumber says whether a text is digits, or 0x and hexadecimal ones.
func isNumber(s string) bool {
	digit := isDigit
	if len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		s, digit = s[2:], isHex
	}
	for i := range len(s) {
		if !digit(s[i]) {
			return false
		}
	}
	return true
}

// isDotted says whether a text is two to four numbers with dots between them.
func isDotted(s string) bool {
	n := 0
	for part := range strings.SplitSeq(s, ".") {
		if n++; part == "" || !isNumber(part) {
			return false
		}
	}
	return 2 <= n && n <= 4
}

// parseMAC parses a MAC address in one of its forms: six groups of one or two digits with colons,
// dashes or dots, three of four with dots, or twelve digits.
func parseMAC(s string) (mac [6]byte, ok bool) {
	sep := byte(0)
	for i := range len(s) {
		if !isHex(s[i]) {
			sep = s[i]
			break
		}
	}
	group, want := 2, 6
	switch {
	case sep == 0 && len(s) == 12:
	case sep == '.' && len(s) == 14 && s[4] == '.' && s[9] == '.':
		s = s[:4] + s[5:9] + s[10:]
		sep = 0
	case sep == ':' || sep == '-' || sep == '.':
	default:
		return mac, false
	}
	for n := range want {
		end := 0
		for end < len(s) && end < group && isHex(s[end]) {
			end++
		}
		if end == 0 || sep == 0 && end < group {
			return mac, false
		}
		v, _ := strconv.ParseUint(s[:end], 16, 8)
		mac[n] = byte(v)
		s = s[end:]
		if sep != 0 && n < want-1 {
			if s == "" || s[0] != sep {
				return mac, false
			}
			s = s[1:]
		}
	}
	return mac, s == ""
}
