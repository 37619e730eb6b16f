package filter

import (
	"net/netip"
	"strings"
)

// mustAddr parses an address that the lexer has parsed already.
func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

// term parses a primitive that does not begin with a value.
func (p *parser) term() (operand, *failure) {
	t := p.peek()
	switch t.kind {
	case kProto, kDir, kType, kBroadcast, kMulticast:
		return p.qualified()
	case kForeign:
		return operand{}, fail(t.span, "%s is for link types that dlx does not capture (802.11, ATM, SS7, pf logs)", t.text)
	case kLess, kGreater, kIfindex:
		return p.keyword(true, true)
	case kVLAN, kMPLS, kPPPoES, kGeneve:
		return p.keyword(true, false)
	case kInbound, kOutbound, kPPPoED:
		return p.keyword(false, false)
	case kLLC:
		return p.llc()
	case kByte:
		return p.byteTest()
	}
	return operand{}, p.unexpected("expected a primitive such as tcp, port 80 or host 10.0.0.1")
}

// keyword parses one of the keywords that may or must have a number.
func (p *parser) keyword(takes, needs bool) (operand, *failure) {
	t := p.take()
	n := &Keyword{Name: t.text}
	if takes && p.numberFollows() {
		start := p.peek().pos
		var err *failure
		if n.Number, err = p.plainNumber(needs); err != nil {
			return operand{}, err
		}
		n.Has, n.numberAt = true, p.since(start)
	} else if needs {
		return operand{}, p.unexpected("expected a number after " + t.text)
	}
	n.span = p.since(t.pos)
	return operand{class: term, node: n}, nil
}

// numberFollows says whether a number follows, which may be in parentheses.
func (p *parser) numberFollows() bool {
	for i := p.next; i < len(p.tokens); i++ {
		t := p.tokens[i]
		if t.kind != kSign || t.value != '(' {
			return t.kind == kNumber
		}
	}
	return false
}

// plainNumber parses a number, bare or in any number of parentheses.
func (p *parser) plainNumber(bare bool) (uint32, *failure) {
	open := 0
	for !bare && p.sign('(') {
		open++
	}
	if p.peek().kind != kNumber {
		return 0, p.unexpected("expected a number")
	}
	n := p.take().value
	for range open {
		if !p.sign(')') {
			return 0, p.unexpected(`expected ")"`)
		}
	}
	return n, nil
}

// llc parses "llc" and the type that may follow. The types are no keywords, but rnr is.
func (p *parser) llc() (operand, *failure) {
	t := p.take()
	n := &Keyword{Name: "llc"}
	if next := p.peek(); next.kind == kName || next.text == "rnr" {
		n.LLC = strings.ToLower(next.text)
		if _, ok := llcTypes[n.LLC]; !ok {
			return operand{}, p.unexpected("expected an LLC type: i, s, u, rr, rnr, rej, ui, ua, disc, sabme, test, xid or frmr")
		}
		p.take()
	}
	n.span = p.since(t.pos)
	return operand{class: term, node: n}, nil
}

func (p *parser) byteTest() (operand, *failure) {
	t := p.take()
	n := &ByteTest{}
	var err *failure
	if n.Offset, err = p.plainNumber(true); err != nil {
		return operand{}, err
	}
	op := p.peek()
	if op.kind != kSign || op.value != '=' && op.value != '<' && op.value != '>' {
		return operand{}, p.unexpected("expected =, < or >").withHint("ether[0] & 1 != 0 tests single bits")
	}
	p.take()
	n.Op = byte(op.value)
	if n.Value, err = p.plainNumber(true); err != nil {
		return operand{}, err
	}
	n.span = p.since(t.pos)
	return operand{class: term, node: n}, nil
}

// qualified parses qualifiers with their value, a protocol alone, and broadcast and multicast.
func (p *parser) qualified() (operand, *failure) {
	start := p.peek()
	q := Qualifiers{}
	if start.kind == kProto {
		q.Proto = Proto(p.take().value)
	}
	switch t := p.peek(); t.kind {
	case kBroadcast, kMulticast:
		p.take()
		return operand{class: term, node: &Keyword{Name: t.text, Proto: q.Proto, span: p.since(start.pos)}}, nil
	case kDir:
		q.Dir = p.direction()
		if next := p.peek(); next.kind == kType && Type(next.value) <= TypePortRange {
			q.Type = Type(p.take().value)
		}
	case kType:
		q.Type = Type(p.take().value)
	default:
		return operand{class: term, node: &Protocol{q.Proto, start.span}}, nil
	}
	return p.qualifiedValue(q, start.pos)
}

// qualifiedValue parses the value, or values in parentheses, behind qualifiers.
func (p *parser) qualifiedValue(q Qualifiers, pos int) (operand, *failure) {
	switch t := p.peek(); {
	case t.kind == kNot, t.kind == kNumber, t.kind == kName, t.kind == kIPv4, t.kind == kIPv6, t.kind == kMAC, t.kind == kSign && t.value == '(':
	case t.kind == kProto && q.Type >= TypeProto:
		return operand{}, p.unexpected("expected a protocol's number, or its name with a backslash before it").withHint(q.Type.String() + ` \` + t.text + ": names that are keywords are escaped")
	default:
		return operand{}, p.unexpected("expected a value after " + strings.TrimSpace(q.Type.String()+" "+q.Dir.String()))
	}
	o, err := p.values(&q)
	if err != nil {
		return operand{}, err
	}
	if n, ok := o.node.(*Primitive); ok {
		n.pos = pos
	}
	o.class = term
	return o, nil
}

// values parses "id" of the grammar: a value, not and a value, or several in parentheses.
func (p *parser) values(q *Qualifiers) (operand, *failure) {
	if p.peek().kind == kNumber { // here it is never part of a relation
		t := p.take()
		return primitive(q, Number(t.value), t.span)
	}
	o, err := p.operand(q)
	if err != nil {
		return operand{}, err
	}
	switch o.class {
	case number:
		return p.value(o)
	case ident:
		return o, nil
	}
	return operand{}, fail(o.where(), "expected a value after %s", q)
}

// direction parses src, dst, "src or dst", "src and dst" and the other way round.
func (p *parser) direction() Dir {
	d := Dir(p.take().value)
	join, other := p.peek(), p.peek2()
	if join.kind != kAnd && join.kind != kOr || other.kind != kDir || d > Dst || Dir(other.value) > Dst || Dir(other.value) == d {
		return d
	}
	p.next += 2
	if join.kind == kAnd {
		return SrcAndDst
	}
	return SrcOrDst
}

// didYouMean is a hint for a value that stands alone.
func didYouMean(v Value) string {
	switch v := v.(type) {
	case MAC:
		return "did you mean ether host " + v.String() + "?"
	case Dotted, Prefix:
		return "did you mean host " + v.String() + "?"
	case Number:
		return "did you mean port " + v.String() + "?"
	case Name:
		return "did you mean host " + string(v) + "?"
	}
	return ""
}
