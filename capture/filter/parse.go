package filter

import (
	"strconv"
)

// Bounds of an expression; a longer one would not fit into a program anyway.
const (
	maxExpr  = 64 << 10
	maxDepth = 200
)

// Parse parses an expression, which is not empty. What does not follow the grammar of
// pcap-filter(7) is an *Error.
//
// "and" and "or" have the same precedence and associate to the left; "not" binds tighter.
func Parse(expr string) (Node, error) {
	n, err := parse(expr)
	if err != nil {
		return nil, err.in(expr)
	}
	return n, nil
}

// parse keeps the failure typed: a nil *failure in an error would not be nil.
func parse(expr string) (Node, *failure) {
	if len(expr) > maxExpr {
		return nil, fail(span{}, "the expression has more than %d bytes", maxExpr)
	}
	tokens, err := lex(expr)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	first, err := p.operand(nil)
	if err != nil {
		return nil, err
	}
	o, err := p.sequence(first)
	if err == nil && o.class == number {
		o, err = p.value(o)
	}
	switch {
	case err != nil:
		return nil, err
	case o.class != term:
		return nil, fail(o.where(), "expected a relation such as = or >")
	case p.peek().kind != kEnd:
		return nil, p.unexpected("expected and, or, or the end")
	}
	return o.node, nil
}

// parser turns tokens into a tree.
type parser struct {
	tokens []token
	next   int
	depth  int
}

// class says what an operand can be part of.
type class uint8

const (
	term   class = iota // a primitive, or terms in parentheses
	ident               // values that take over qualifiers, as 443 in "port 80 or 443"
	number              // a number: a value or part of an arithmetic expression
	arith               // an arithmetic expression, which lacks its relation
)

// operand is something parsed, with the qualifiers that a value behind it takes over.
type operand struct {
	class class
	node  Node
	arith Arith
	quals *Qualifiers // nil where there is nothing to take over
}

func (o operand) where() span {
	if o.node != nil {
		return o.node.where()
	}
	return o.arith.where()
}

func (p *parser) peek() token  { return p.tokens[p.next] }
func (p *parser) peek2() token { return p.tokens[min(p.next+1, len(p.tokens)-1)] }

func (p *parser) take() token {
	t := p.tokens[p.next]
	if t.kind != kEnd {
		p.next++
	}
	return t
}

func (p *parser) sign(s uint32) bool {
	if t := p.peek(); t.kind != kSign || t.value != s {
		return false
	}
	p.next++
	return true
}

// unexpected refuses the next token.
func (p *parser) unexpected(msg string) *failure {
	t := p.peek()
	if t.kind == kEnd {
		msg += ", and nothing more comes"
	}
	return fail(t.span, "%s", msg)
}

// since is the place from a position to the last token taken.
func (p *parser) since(pos int) span {
	return span{pos, p.tokens[max(p.next-1, 0)].end}
}

func (p *parser) deeper() (func(), *failure) {
	if p.depth++; p.depth > maxDepth {
		return nil, fail(p.peek().span, "nested more than %d deep", maxDepth)
	}
	return func() { p.depth-- }, nil
}

// sequence parses what is joined to a first operand by and, or, from left to right. Behind a term
// there may be terms and values; behind a value, as in "port (80 or 443)", values only.
func (p *parser) sequence(first operand) (operand, *failure) {
	left := first
	for {
		join := p.peek()
		if join.kind != kAnd && join.kind != kOr || left.class == arith {
			return left, nil
		}
		p.take()
		if left.class == number {
			var err *failure
			if left, err = p.value(left); err != nil {
				return operand{}, err
			}
		}
		right, err := p.operand(left.quals)
		if err == nil && right.class == number {
			right, err = p.value(right)
		}
		if err != nil {
			return operand{}, err
		}
		switch {
		case right.class == arith, left.class == ident && right.class == term:
			return operand{}, fail(right.where(), "expected another value")
		}
		s := span{left.where().pos, right.where().end}
		if join.kind == kAnd {
			left = operand{class: left.class, node: &And{left.node, right.node, s}, quals: right.quals}
		} else {
			left = operand{class: left.class, node: &Or{left.node, right.node, s}, quals: right.quals}
		}
	}
}

// operand parses one operand of and, or and not; quals are what a bare value takes over.
func (p *parser) operand(quals *Qualifiers) (operand, *failure) {
	done, err := p.deeper()
	if err != nil {
		return operand{}, err
	}
	defer done()
	t := p.peek()
	var o operand
	switch {
	case t.kind == kNot:
		return p.negation(quals)
	case t.kind == kSign && t.value == '(':
		o, err = p.parentheses(quals)
	case p.startsArith():
		o, err = p.arithOperand(quals)
	case t.kind == kName || t.kind == kIPv4 || t.kind == kIPv6 || t.kind == kMAC:
		return p.ident(quals)
	default:
		return p.term()
	}
	if err != nil || o.class != number && o.class != arith {
		return o, err
	}
	return p.relation(o)
}

// negation parses "not" and its operand, which keeps its class.
func (p *parser) negation(quals *Qualifiers) (operand, *failure) {
	t := p.take()
	o, err := p.operand(quals)
	if err == nil && o.class == number {
		o, err = p.value(o)
	}
	if err != nil {
		return operand{}, err
	}
	if o.class == arith {
		return operand{}, fail(o.where(), "expected a relation such as = or >")
	}
	o.node = &Not{o.node, p.since(t.pos)}
	return o, nil
}

// parentheses parses an operand in parentheses. Behind terms in parentheses, a value takes over
// what it would have taken over before them.
func (p *parser) parentheses(quals *Qualifiers) (operand, *failure) {
	p.take()
	first, err := p.operand(quals)
	if err != nil {
		return operand{}, err
	}
	o, err := p.sequence(first)
	if err != nil {
		return operand{}, err
	}
	if !p.sign(')') {
		return operand{}, p.unexpected(`expected and, or, or ")"`)
	}
	if o.class == term {
		o.quals = quals
	}
	return o, nil
}

// value makes a number the value that it is where no relation follows.
func (p *parser) value(o operand) (operand, *failure) {
	c := o.arith.(*Const)
	return primitive(o.quals, Number(c.Value), c.span)
}

// primitive is a value with the qualifiers that it takes over.
func primitive(quals *Qualifiers, v Value, s span) (operand, *failure) {
	if quals == nil {
		return operand{}, fail(s, "expected a qualifier such as host, net or port before a value").withHint(didYouMean(v))
	}
	return operand{class: ident, node: &Primitive{*quals, v, s, s}, quals: quals}, nil
}

// ident parses a value that is no number.
func (p *parser) ident(quals *Qualifiers) (operand, *failure) {
	t := p.take()
	var v Value
	switch t.kind {
	case kName:
		v = Name(t.text)
	case kMAC:
		mac, _ := parseMAC(t.text)
		v = MAC(mac)
	case kIPv4:
		d := Dotted{Addr: t.text, Bits: -1}
		if p.peek().kind == kMask {
			p.take()
			if p.peek().kind != kIPv4 {
				return operand{}, p.unexpected("expected a network mask such as 255.255.0.0")
			}
			d.Mask = p.take().text
		} else if err := p.prefixLength(&d.Bits, 32); err != nil {
			return operand{}, err
		}
		v = d
	default:
		x := Prefix{Addr: mustAddr(t.text), Bits: -1}
		if err := p.prefixLength(&x.Bits, 128); err != nil {
			return operand{}, err
		}
		v = x
	}
	return primitive(quals, v, p.since(t.pos))
}

// prefixLength parses "/BITS" if it is there.
func (p *parser) prefixLength(bits *int, most uint32) *failure {
	if !p.sign('/') {
		return nil
	}
	t := p.peek()
	if t.kind != kNumber || t.value > most {
		return p.unexpected("expected a prefix length of at most " + strconv.Itoa(int(most)))
	}
	p.take()
	*bits = int(t.value)
	return nil
}
