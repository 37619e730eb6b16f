package filter

// startsArith says whether the next tokens begin an arithmetic expression.
func (p *parser) startsArith() bool {
	t := p.peek()
	if t.kind == kProto {
		next := p.peek2()
		return next.kind == kSign && next.value == '['
	}
	return t.kind == kNumber || t.kind == kLen || t.kind == kSign && t.value == '-'
}

// arithOperand parses a number or the first factor of an arithmetic expression.
func (p *parser) arithOperand(quals *Qualifiers) (operand, *failure) {
	a, err := p.factor()
	if err != nil {
		return operand{}, err
	}
	if _, ok := a.(*Const); ok {
		return operand{class: number, arith: a, quals: quals}, nil
	}
	return operand{class: arith, arith: a}, nil
}

// operators are the binary operators with how tight they bind.
var operators = map[uint32]struct {
	text string
	prec int
}{
	'|': {"|", 1}, '&': {"&", 2}, signLSH: {"<<", 3}, signRSH: {">>", 3}, '+': {"+", 4}, '-': {"-", 4}, '*': {"*", 5}, '/': {"/", 5},
	// libpcap's grammar gives these two no precedence: they take what stands to their left at once,
	// and everything to their right.
	'%': {"%", 9}, '^': {"^", 9},
}

// relations are the relations by their signs.
var relations = map[uint32]string{'=': "=", '>': ">", '<': "<", signGE: ">=", signLE: "<=", signNE: "!="}

// relation parses what follows the first part of an arithmetic expression: the rest, a relation,
// and the other side. A number without any of that stays a number, an expression in parentheses may
// wait for its relation.
func (p *parser) relation(first operand) (operand, *failure) {
	left, err := p.binary(first.arith, 0)
	if err != nil {
		return operand{}, err
	}
	op, ok := p.relationSign()
	if !ok {
		if left == first.arith {
			return first, nil
		}
		return operand{class: arith, arith: left}, nil
	}
	p.take()
	right, err := p.arithmetic()
	if err != nil {
		return operand{}, err
	}
	s := span{left.where().pos, right.where().end}
	return operand{class: term, node: &Relation{op, left, right, s}}, nil
}

func (p *parser) relationSign() (string, bool) {
	t := p.peek()
	if t.kind != kSign {
		return "", false
	}
	op, ok := relations[t.value]
	return op, ok
}

// arithmetic parses a whole arithmetic expression.
func (p *parser) arithmetic() (Arith, *failure) {
	done, err := p.deeper()
	if err != nil {
		return nil, err
	}
	defer done()
	a, err := p.factor()
	if err != nil {
		return nil, err
	}
	return p.binary(a, 0)
}

// binary goes on behind a left operand, with operators that bind tighter than prec.
func (p *parser) binary(left Arith, prec int) (Arith, *failure) {
	for {
		t := p.peek()
		op, ok := operators[t.value]
		if t.kind != kSign || !ok || op.prec <= prec {
			return left, nil
		}
		p.take()
		right, err := p.factor()
		if err != nil {
			return nil, err
		}
		inner := op.prec
		if inner == 9 {
			inner = 0
		}
		if right, err = p.binary(right, inner); err != nil {
			return nil, err
		}
		left = &Binary{op.text, left, right, span{left.where().pos, right.where().end}}
	}
}

// factor parses a number, len, PROTO[…], -FACTOR or an arithmetic expression in parentheses.
func (p *parser) factor() (Arith, *failure) {
	done, err := p.deeper()
	if err != nil {
		return nil, err
	}
	defer done()
	t := p.peek()
	switch {
	case t.kind == kNumber:
		p.take()
		return &Const{t.value, t.span}, nil
	case t.kind == kLen:
		p.take()
		return &Len{t.span}, nil
	case p.sign('-'):
		a, err := p.factor()
		if err != nil {
			return nil, err
		}
		if a, err = p.binary(a, 8); err != nil {
			return nil, err
		}
		return &Neg{a, p.since(t.pos)}, nil
	case p.sign('('):
		a, err := p.arithmetic()
		if err != nil {
			return nil, err
		}
		if !p.sign(')') {
			return nil, p.unexpected(`expected an operator or ")"`)
		}
		return a, nil
	case t.kind == kProto && p.startsArith():
		return p.load()
	}
	return nil, p.unexpected("expected a number, len, or a protocol and [")
}

// load parses PROTO[OFFSET] and PROTO[OFFSET:SIZE].
func (p *parser) load() (Arith, *failure) {
	t := p.take()
	p.take()
	offset, err := p.arithmetic()
	if err != nil {
		return nil, err
	}
	l := &Load{Proto: Proto(t.value), Offset: offset, Size: 1}
	if p.sign(':') {
		size := p.peek()
		if size.kind != kNumber || size.value != 1 && size.value != 2 && size.value != 4 {
			return nil, p.unexpected("expected a size of 1, 2 or 4 bytes")
		}
		p.take()
		l.Size = size.value
	}
	if !p.sign(']') {
		return nil, p.unexpected(`expected "]", or ":" and a size`)
	}
	l.span = p.since(t.pos)
	return l, nil
}
