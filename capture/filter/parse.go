package filter

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// parser turns tokens into a tree.
type parser struct {
	expr   string
	tokens []token
	depth  int
	last   *primitive // whose qualifiers a bare value takes over, as in "port 80 or 443"
}

// Bounds of an expression; more would not fit into a program anyway.
const (
	maxExpr  = 64 << 10
	maxDepth = 100
)

// parse parses a whole expression, which is not empty.
func parse(expr string) (node, error) {
	if len(expr) > maxExpr {
		return nil, &Error{expr, 0, 0, "it is too long"}
	}
	p := &parser{expr: expr, tokens: lex(expr)}
	n, err := p.expression()
	if err != nil {
		return nil, err
	}
	if len(p.tokens) > 0 {
		return nil, p.fail("expected \"and\", \"or\" or the end")
	}
	return n, nil
}

// fail reports the next token, or the end.
func (p *parser) fail(msg string) error {
	if len(p.tokens) == 0 {
		return &Error{p.expr, len(p.expr), len(p.expr), msg + ", and there is nothing more"}
	}
	return p.failAt(p.tokens[0], msg)
}

func (p *parser) failAt(t token, msg string) error { return &Error{p.expr, t.pos, t.end, msg} }

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0].text
}

// take takes the next token if it is one of the words.
func (p *parser) take(words ...string) bool {
	if len(p.tokens) == 0 || !slices.Contains(words, p.tokens[0].text) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

// expression: term { ("and" | "or") term }, from left to right.
func (p *parser) expression() (node, error) {
	n, err := p.term()
	for err == nil {
		var m node
		switch {
		case p.take("and", "&&"):
			if m, err = p.term(); err == nil {
				n = &and{n, m}
			}
		case p.take("or", "||"):
			if m, err = p.term(); err == nil {
				n = &or{n, m}
			}
		default:
			return n, nil
		}
	}
	return nil, err
}

// term: "not" term | "(" expression ")" | primitive.
func (p *parser) term() (node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail("nested too deeply")
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("not", "!"):
		n, err := p.term()
		if err != nil {
			return nil, err
		}
		return &not{n}, nil
	case p.take("("):
		n, err := p.expression()
		if err != nil {
			return nil, err
		}
		if !p.take(")") {
			return nil, p.fail("expected \")\"")
		}
		p.last = nil // what a value behind the parentheses would take over is not obvious: it is refused
		return n, nil
	}
	return p.primitive()
}

// primitive is a primitive's qualifiers.
type primitive struct {
	proto string
	dir   direction
	kind  string // "host", "net", "port", "portrange", "proto"
}

var (
	protoNames = []string{"ether", "ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6"}
	kindNames  = []string{"host", "net", "port", "portrange", "proto"}
)

func (p *parser) primitive() (node, error) {
	if len(p.tokens) == 0 {
		return nil, p.fail("expected a primitive")
	}
	first := p.tokens[0]
	if first.text == "less" || first.text == "greater" {
		p.tokens = p.tokens[1:]
		p.last = nil
		n, err := p.number(32)
		return &length{first.text == "greater", uint32(n)}, err
	}
	q := &primitive{}
	if slices.Contains(protoNames, first.text) {
		q.proto = first.text
		p.tokens = p.tokens[1:]
	}
	hasDir := p.direction(q)
	if slices.Contains(kindNames, p.peek()) {
		q.kind = p.peek()
		p.tokens = p.tokens[1:]
	}
	switch {
	case q.kind == "" && !hasDir && q.proto != "":
		p.last = nil
		if q.proto == "ether" {
			return nil, p.fail("expected host after ether")
		}
		return &protocol{q.proto}, nil
	case q.kind == "" && !hasDir && p.last != nil:
		q = p.last
	case q.kind == "" && !hasDir:
		return nil, p.fail("expected host, net, port or another qualifier")
	case q.kind == "":
		q.kind = "host"
	}
	p.last = q
	return p.value(q, first)
}

// direction parses src, dst, "src or dst" and "src and dst".
func (p *parser) direction(q *primitive) bool {
	word := p.peek()
	if word != "src" && word != "dst" {
		return false
	}
	other := map[string]string{"src": "dst", "dst": "src"}[word]
	p.tokens = p.tokens[1:]
	q.dir = map[string]direction{"src": src, "dst": dst}[word]
	if len(p.tokens) > 1 && p.tokens[1].text == other {
		switch p.peek() {
		case "or", "||":
			q.dir = either
		case "and", "&&":
			q.dir = both
		default:
			return true
		}
		p.tokens = p.tokens[2:]
	}
	return true
}

// value parses what a primitive is about.
func (p *parser) value(q *primitive, first token) (node, error) {
	if len(p.tokens) == 0 {
		return nil, p.fail("expected a value")
	}
	bad := func() error { return p.failAt(first, q.proto+" does not go with "+q.kind) }
	switch q.kind {
	case "host", "net":
		if q.proto == "ether" {
			if q.kind == "net" {
				return nil, bad()
			}
			return p.mac(q)
		}
		if !slices.Contains([]string{"", "ip", "ip6", "arp", "rarp"}, q.proto) {
			return nil, bad()
		}
		return p.address(q)
	case "port", "portrange":
		if !slices.Contains([]string{"", "tcp", "udp", "sctp"}, q.proto) {
			return nil, bad()
		}
		return p.ports(q)
	}
	if !slices.Contains([]string{"", "ip", "ip6"}, q.proto) || q.dir != either {
		return nil, bad()
	}
	n, err := p.number(8)
	return &ipProto{q.proto, uint8(n)}, err
}

// number parses a decimal number of so many bits.
func (p *parser) number(bits int) (uint64, error) {
	if len(p.tokens) == 0 {
		return 0, p.fail("expected a number")
	}
	text := p.tokens[0].text
	n, err := strconv.ParseUint(text, 10, bits)
	if err != nil || len(text) > 1 && text[0] == '0' { // a leading zero is octal to libpcap
		return 0, p.fail("expected a decimal number of at most " + strconv.Itoa(bits) + " bits")
	}
	p.tokens = p.tokens[1:]
	return n, nil
}

func (p *parser) ports(q *primitive) (node, error) {
	if q.kind == "port" {
		n, err := p.number(16)
		return &ports{q.proto, q.dir, uint16(n), uint16(n)}, err
	}
	low, high, ok := strings.Cut(p.peek(), "-")
	a, aerr := strconv.ParseUint(low, 10, 16)
	b, berr := strconv.ParseUint(high, 10, 16)
	if !ok || aerr != nil || berr != nil || a > b {
		return nil, p.fail("expected LOW-HIGH")
	}
	p.tokens = p.tokens[1:]
	return &ports{q.proto, q.dir, uint16(a), uint16(b)}, nil
}

func (p *parser) mac(q *primitive) (node, error) {
	addr, err := net.ParseMAC(p.peek())
	if err != nil || len(addr) != 6 || !strings.Contains(p.peek(), ":") {
		return nil, p.fail("expected a MAC address such as 02:00:00:00:00:01")
	}
	p.tokens = p.tokens[1:]
	return &mac{q.dir, addr}, nil
}

func (p *parser) address(q *primitive) (node, error) {
	prefix, msg := parsePrefix(p.peek(), q.kind == "net")
	switch {
	case msg == "" && prefix.Addr().Is4() && q.proto == "ip6", msg == "" && !prefix.Addr().Is4() && q.proto != "" && q.proto != "ip6":
		msg = "an address of another family than " + q.proto
	case msg == "" && prefix.Masked() != prefix:
		msg = "it has bits beyond its length"
	case msg == "" && prefix.Bits() == 0:
		msg = "every address would match"
	}
	if msg != "" {
		return nil, p.fail(msg)
	}
	p.tokens = p.tokens[1:]
	return &address{q.proto, q.dir, prefix}, nil
}

// parsePrefix parses an address or, for a net, also ADDRESS/LENGTH and the first numbers of an IPv4 address.
func parsePrefix(s string, isNet bool) (netip.Prefix, string) {
	if strings.Contains(s, "%") {
		return netip.Prefix{}, "an address with a zone"
	}
	if addr, err := netip.ParseAddr(s); err == nil && !addr.Is4In6() {
		return netip.PrefixFrom(addr, addr.BitLen()), ""
	}
	if !isNet {
		return netip.Prefix{}, "expected an IPv4 or IPv6 address: names are not looked up"
	}
	head, length, hasLength := strings.Cut(s, "/")
	given := strings.Count(head, ".") + 1
	if !strings.Contains(head, ":") && given < 4 {
		head += strings.Repeat(".0", 4-given)
	}
	addr, err := netip.ParseAddr(head)
	if err != nil || addr.Is4In6() {
		return netip.Prefix{}, "expected a network such as 10.0.0.0/8"
	}
	bits := given * 8
	if hasLength {
		if bits, err = strconv.Atoi(length); err != nil || bits < 0 || bits > addr.BitLen() || length != strconv.Itoa(bits) {
			return netip.Prefix{}, "expected a prefix length"
		}
	}
	return netip.PrefixFrom(addr, bits), ""
}
