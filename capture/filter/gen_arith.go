package filter

// number32 is the code of an arithmetic expression, which leaves the number in a scratch register.
// guard is the condition under which its loads find something.
type number32 struct {
	code  []inst
	reg   int
	guard *cond
	fixed *uint32 // its value if it is a constant
}

var (
	aluOps  = map[string]uint16{"+": addK, "-": subK, "*": mulK, "/": divK, "%": modK, "&": andK, "|": orK, "^": xorK, "<<": lshK, ">>": rshK}
	jumpOps = map[string]struct {
		op   uint16
		flip bool
	}{"=": {jeq, false}, "!=": {jeq, true}, ">": {jgt, false}, "<=": {jgt, true}, ">=": {jge, false}, "<": {jge, true}}
)

// relation compares two numbers.
func (g *generator) relation(n *Relation) *cond {
	l := g.arith(n.L)
	r := g.arith(n.R)
	op := jumpOps[n.Op]
	code := append(append(l.code, r.code...), inst{op: ldxMem, k: uint32(r.reg)}, inst{op: ldMem, k: uint32(l.reg)})
	var c *cond
	if op.op == jeq { // the optimizer knows what to do with a difference
		c = test(jeq, 0, append(code, inst{op: subK | srcX})...)
	} else {
		c = test(op.op|srcX, 0, code...)
	}
	if op.flip {
		c = not(c)
	}
	g.free(l.reg)
	g.free(r.reg)
	return and(and(l.guard, r.guard), c)
}

// arith generates the code of an arithmetic expression.
func (g *generator) arith(a Arith) number32 {
	g.at = a.where()
	switch a := a.(type) {
	case *Const:
		n := number32{reg: g.alloc(), fixed: &a.Value}
		n.code = []inst{{op: ldImm, k: a.Value}, {op: st, k: uint32(n.reg)}}
		return n
	case *Len:
		n := number32{reg: g.alloc()}
		n.code = []inst{{op: ldLen}, {op: st, k: uint32(n.reg)}}
		return n
	case *Neg:
		n := g.arith(a.A)
		n.code = append(n.code, inst{op: ldMem, k: uint32(n.reg)}, inst{op: neg})
		g.free(n.reg)
		return g.store(n.code, n.guard)
	case *Binary:
		return g.binary(a)
	case *Load:
		return g.loadBytes(a)
	}
	g.refuse("a number of an unknown kind")
	return number32{}
}

// store ends code with a store of the accumulator.
func (g *generator) store(code []inst, guard *cond) number32 {
	reg := g.alloc()
	return number32{code: append(code, inst{op: st, k: uint32(reg)}), reg: reg, guard: guard}
}

// binary generates an operation. Only the left operand tests its protocol, as in libpcap.
func (g *generator) binary(a *Binary) number32 {
	l := g.arith(a.L)
	r := g.arith(a.R)
	if r.fixed != nil {
		g.at = a.R.where()
		switch {
		case *r.fixed == 0 && (a.Op == "/" || a.Op == "%"):
			g.refuse("division by zero")
		case *r.fixed > 31 && (a.Op == "<<" || a.Op == ">>"):
			g.refuse("a shift by more than 31 bits")
		}
	}
	code := append(append(l.code, r.code...), inst{op: ldxMem, k: uint32(r.reg)}, inst{op: ldMem, k: uint32(l.reg)}, inst{op: aluOps[a.Op] | srcX})
	g.free(l.reg)
	g.free(r.reg)
	return g.store(code, l.guard)
}

// loadBytes generates PROTO[OFFSET:SIZE].
func (g *generator) loadBytes(a *Load) number32 {
	n := g.arith(a.Offset)
	g.at = a.span
	if n.fixed != nil && *n.fixed > maxOffset {
		g.refuse("an offset beyond any packet")
	}
	reg := g.alloc()
	g.free(n.reg)
	op := map[uint32]uint16{1: ldiB, 2: ldiH, 4: ldiW}[a.Size]
	toX := func(from offset, off uint32) {
		if from.variable {
			n.code = append(n.code, inst{op: ldxMem, k: uint32(from.reg)}, inst{op: ldMem, k: uint32(n.reg)}, inst{op: addK | srcX}, inst{op: tax})
		} else {
			n.code = append(n.code, inst{op: ldxMem, k: uint32(n.reg)})
		}
		n.code = append(n.code, inst{op: op, k: from.fixed + off})
	}
	switch a.Proto {
	case ProtoLink:
		toX(g.linkHdr, 0)
	case ProtoIP, ProtoARP, ProtoRARP, ProtoATalk, ProtoDECnet, ProtoLAT, ProtoSCA, ProtoMOPRC, ProtoMOPDL, ProtoIP6:
		toX(g.payload, g.network)
		n.guard = and(n.guard, g.protocol(a.Proto))
	case ProtoSCTP, ProtoTCP, ProtoUDP, ProtoICMP, ProtoIGMP, ProtoIGRP, ProtoPIM, ProtoVRRP, ProtoCARP:
		n.code = append(n.code, g.loadHeaderLength()...)
		n.code = append(n.code, inst{op: ldMem, k: uint32(n.reg)}, inst{op: addK | srcX}, inst{op: tax}, inst{op: op, k: g.payload.fixed + g.network})
		there := and(g.protocol(a.Proto), g.firstFragment())
		n.guard = and(g.protocol(ProtoIP), and(n.guard, there))
	case ProtoICMP6:
		n.guard = and(and(n.guard, g.protocol(ProtoIP6)), g.nextHeader(protoICMP6))
		toX(g.payload, g.network+40)
	default:
		g.refuse("the bytes of %s can not be looked at", a.Proto)
	}
	n.code = append(n.code, inst{op: st, k: uint32(reg)})
	return number32{code: n.code, reg: reg, guard: n.guard}
}

// byteTest compares a byte of the frame.
func (g *generator) byteTest(n *ByteTest) *cond {
	code := g.load(g.linkHdr, n.Offset, 1)
	switch n.Op {
	case '<':
		return not(test(jge, n.Value, code...))
	case '>':
		return test(jgt, n.Value, code...)
	}
	return test(jeq, n.Value, code...)
}
