package applet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// stateSet has a bit for each state.
type stateSet uint16

const allStates = stateSet(0xffe)

func statesOf(states ...tcpState) (set stateSet) {
	for _, s := range states {
		set |= 1 << s
	}
	return set
}

func (s stateSet) has(state tcpState) bool { return s&(1<<state) != 0 }
func (s stateSet) single() bool            { return s&(s-1) == 0 }

// stateNames are the words after "state" and "exclude" (STATE-FILTER in ss(8)).
var stateNames = map[string]stateSet{
	"established": statesOf(1), "estab": statesOf(1), "syn-sent": statesOf(2), "syn-recv": statesOf(3), "fin-wait-1": statesOf(4),
	"fin-wait-2": statesOf(5), "time-wait": statesOf(6), "closed": statesOf(7), "close-wait": statesOf(8),
	"last-ack": statesOf(9), "listening": statesOf(10), "listen": statesOf(10), "closing": statesOf(11), "unconnected": statesOf(7), "all": allStates,
	"connected":    allStates &^ statesOf(stateListen, stateClose),
	"synchronized": allStates &^ statesOf(stateListen, stateClose, 2),
	"bucket":       statesOf(stateSynRecv, stateTimeWait),
	"big":          allStates &^ statesOf(stateSynRecv, stateTimeWait),
}

// filter reads `state X exclude Y EXPRESSION`.
func (s *ss) filter(words []string) (func(*sock) bool, error) {
	f := &sockFilter{words: splitFilter(strings.Join(words, " "))}
	chosen := false
	for len(f.words) > 1 && (f.words[0] == "state" || f.words[0] == "exclude") {
		set, ok := stateNames[f.words[1]]
		if !ok {
			return nil, fmt.Errorf("wrong state name: %s", f.words[1])
		}
		switch {
		case f.words[0] == "exclude" && !chosen:
			s.states = allStates &^ set
		case f.words[0] == "exclude":
			s.states &^= set
		case !chosen:
			s.states = set
		default:
			s.states |= set
		}
		chosen, f.words = true, f.words[2:]
	}
	if len(f.words) == 0 {
		return func(*sock) bool { return true }, nil
	}
	match, err := f.or()
	if err == nil && len(f.words) > 0 {
		err = fmt.Errorf("filter: %q is not expected there", f.words[0])
	}
	return match, err
}

// splitFilter splits parentheses, operators and words: "sport=:80" is the same as "sport = :80".
func splitFilter(s string) []string {
	for _, op := range []string{"(", ")", "&&", "||"} {
		s = strings.ReplaceAll(s, op, " "+op+" ")
	}
	var words []string
	for w := range strings.FieldsSeq(s) {
		for w != "" {
			i := strings.IndexAny(w, "=!<>")
			if i < 0 {
				words = append(words, w)
				break
			}
			if i > 0 {
				words = append(words, w[:i])
			}
			end := i + 1
			for end < len(w) && w[end] == '=' {
				end++
			}
			words, w = append(words, w[i:end]), w[end:]
		}
	}
	return words
}

// sockFilter parses EXPRESSION of ss(8): or, and, not, parentheses and comparisons.
type sockFilter struct {
	words []string
	depth int
}

func (f *sockFilter) peek(words ...string) bool {
	for _, w := range words {
		if len(f.words) > 0 && f.words[0] == w {
			return true
		}
	}
	return false
}

func (f *sockFilter) pop() string {
	if len(f.words) == 0 {
		return ""
	}
	w := f.words[0]
	f.words = f.words[1:]
	return w
}

func (f *sockFilter) or() (func(*sock) bool, error) {
	left, err := f.and()
	for err == nil && f.peek("or", "|", "||") {
		f.pop()
		var right func(*sock) bool
		if right, err = f.and(); err == nil {
			first := left
			left = func(k *sock) bool { return first(k) || right(k) }
		}
	}
	return left, err
}

// and joins by "and", or by nothing between two comparisons, as ss does.
func (f *sockFilter) and() (func(*sock) bool, error) {
	left, err := f.not()
	for err == nil && len(f.words) > 0 && !f.peek("or", "|", "||", ")") {
		if f.peek("and", "&", "&&") {
			f.pop()
		}
		var right func(*sock) bool
		if right, err = f.not(); err == nil {
			first := left
			left = func(k *sock) bool { return first(k) && right(k) }
		}
	}
	return left, err
}

// deepest bounds the nesting of a filter.
const deepest = 100

func (f *sockFilter) not() (func(*sock) bool, error) {
	if f.depth++; f.depth > deepest {
		return nil, errors.New("filter: nested too deeply")
	}
	defer func() { f.depth-- }()
	switch word := f.pop(); word {
	case "not", "!":
		inner, err := f.not()
		return func(k *sock) bool { return !inner(k) }, err
	case "(":
		inner, err := f.or()
		if err == nil && f.pop() != ")" {
			err = errors.New("filter: a ) is missing")
		}
		return inner, err
	case "sport", "dport":
		return f.port(word == "sport")
	case "src", "dst":
		return f.host(word == "src")
	case "dev":
		if f.peek("=", "==") {
			f.pop()
		}
		name := f.pop()
		return func(k *sock) bool { return k.iface != 0 && interfaceName(k.iface) == name }, nil
	case "":
		return nil, errors.New("filter: it ends too early")
	default:
		return nil, fmt.Errorf("filter: unknown word %q: there are sport, dport, src, dst, dev, and, or, not", word)
	}
}

var comparisons = map[string]func(a, b uint16) bool{
	"=": func(a, b uint16) bool { return a == b }, "!=": func(a, b uint16) bool { return a != b },
	"<": func(a, b uint16) bool { return a < b }, ">": func(a, b uint16) bool { return a > b },
	"<=": func(a, b uint16) bool { return a <= b }, ">=": func(a, b uint16) bool { return a >= b },
}

var comparisonWords = map[string]string{"==": "=", "eq": "=", "ne": "!=", "neq": "!=", "lt": "<", "gt": ">", "le": "<=", "leq": "<=", "ge": ">=", "geq": ">="}

func (f *sockFilter) port(local bool) (func(*sock) bool, error) {
	op := "="
	if word := comparisonWords[f.firstWord()]; word != "" {
		op = word
		f.pop()
	} else if comparisons[f.firstWord()] != nil {
		op = f.pop()
	}
	_, text, _ := strings.Cut(":"+f.pop(), ":")
	port, err := parsePort(text)
	if err != nil {
		return nil, err
	}
	compare := comparisons[op]
	return func(k *sock) bool {
		end := k.end(local)
		return end.IsValid() && compare(end.Port(), port)
	}, nil
}

func (f *sockFilter) firstWord() string {
	if len(f.words) == 0 {
		return ""
	}
	return f.words[0]
}

func parsePort(text string) (uint16, error) {
	text = strings.TrimPrefix(text, ":")
	if n, err := strconv.ParseUint(text, 10, 16); err == nil {
		return uint16(n), nil
	}
	n, err := net.LookupPort("tcp", text)
	if err != nil || text == "" {
		return 0, fmt.Errorf("filter: %q is no port", text)
	}
	return uint16(n), nil // LookupPort's are 0 to 65535
}

// host reads [=|!=] ADDRESS[/BITS][:PORT], "*:PORT", ":PORT", or a unix path with wildcards.
func (f *sockFilter) host(local bool) (func(*sock) bool, error) {
	differ := false
	if f.peek("=", "==", "!=", "eq", "ne") {
		op := f.pop()
		differ = op == "!=" || op == "ne"
	}
	text := f.pop()
	match, err := hostMatch(text, local)
	if err != nil || !differ {
		return match, err
	}
	return func(k *sock) bool { return !match(k) }, nil
}

func hostMatch(text string, local bool) (func(*sock) bool, error) {
	if strings.HasPrefix(text, "/") || strings.HasPrefix(text, "unix:") {
		pattern := strings.TrimPrefix(text, "unix:")
		return func(k *sock) bool {
			ok, _ := path.Match(pattern, k.path)
			return ok && local
		}, nil
	}
	host, port := text, ""
	if i := strings.LastIndex(text, ":"); i >= 0 && (strings.Count(text, ":") == 1 || strings.Contains(text[:i], "]")) {
		host, port = text[:i], text[i+1:]
	}
	host = strings.Trim(strings.ReplaceAll(host, "]", ""), "[*")
	var want uint16
	var err error
	if port != "" && port != "*" {
		if want, err = parsePort(port); err != nil {
			return nil, err
		}
	}
	prefixes, err := hostPrefixes(host)
	if err != nil {
		return nil, err
	}
	return func(k *sock) bool {
		end := k.end(local)
		if !end.IsValid() || port != "" && port != "*" && end.Port() != want {
			return false
		}
		for _, p := range prefixes {
			if p.Contains(end.Addr().Unmap()) {
				return true
			}
		}
		return host == ""
	}, nil
}

// hostPrefixes are the networks of a word: 10/8 and 10.0.0.0/8, an address, or those of a name.
func hostPrefixes(host string) ([]netip.Prefix, error) {
	if host == "" {
		return nil, nil
	}
	if p, err := netip.ParsePrefix(host); err == nil {
		return []netip.Prefix{p}, nil
	}
	list := []string{host}
	if _, err := netip.ParseAddr(host); err != nil {
		if list, err = net.LookupHost(host); err != nil {
			return nil, fmt.Errorf("filter: %q is no address: %w", host, err)
		}
	}
	var prefixes []netip.Prefix
	for _, text := range list {
		if a, err := netip.ParseAddr(text); err == nil {
			prefixes = append(prefixes, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
		}
	}
	return prefixes, nil
}

func (k *sock) end(local bool) netip.AddrPort {
	if local {
		return k.local
	}
	return k.peer
}
