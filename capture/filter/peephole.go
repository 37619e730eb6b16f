package filter

// real is the index of the first instruction from i on that was not taken out, or -1.
func (b *block) real(i int) int {
	for ; i < len(b.code); i++ {
		if b.code[i].op != nop {
			return i
		}
	}
	return -1
}

// peephole improves neighbouring instructions.
func (g *graph) peephole(b *block) {
	if len(b.code) == 0 {
		g.constantJump(b)
		return
	}
	last := 0
	for i := b.real(0); i >= 0; i = b.real(i + 1) {
		n := b.real(i + 1)
		if n < 0 {
			break
		}
		last = n
		s, next := &b.code[i], &b.code[n]
		if s.op == st && next.op == ldxMem && s.k == next.k { // st M[k]; ldx M[k] → st M[k]; tax
			next.op = tax
			g.changed()
		}
		if s.op == ldImm && next.op == tax { // ld #k; tax → ldx #k; txa
			s.op, next.op = ldxImm, txa
			g.changed()
		}
		if s.op == ldImm {
			g.constantOffset(b, i, n)
		}
	}
	g.compareSooner(b, &b.code[last])
	g.constantJump(b)
}

// constantOffset turns a load at X plus a constant into one at that offset.
// tcp[k] gives such code: ld #k; [ldx 4*([o]&0xf);] add x; tax; ld [x]. X
// must not be used behind the block: its value differs.
func (g *graph) constantOffset(b *block, i, n int) {
	if b.out>>regX&1 != 0 {
		return
	}
	add := n
	if b.code[n].op == ldxMSH {
		add = b.real(n + 1)
	}
	if add < 0 || b.code[add].op != addK|srcX {
		return
	}
	t := b.real(add + 1)
	if t < 0 || b.code[t].op != tax {
		return
	}
	load := b.real(t + 1)
	if load < 0 || b.code[load].op&(classMask|modeMask) != classLD|modeIND {
		return
	}
	b.code[load].k += b.code[i].k
	b.code[i].op, b.code[add].op, b.code[t].op = nop, nop, nop
	g.changed()
}

// compareSooner takes the operation before a comparison into it, if A is not used afterwards.
func (g *graph) compareSooner(b *block, last *inst) {
	if b.op != jeq || b.out>>regA&1 != 0 {
		return
	}
	x := b.val[regX]
	switch {
	case last.op == subK|srcX && g.values.isConst(x):
		b.k += g.values.consts[x].val
	case last.op == subK|srcX && b.k == 0:
		b.op = jeq | srcX
	case last.op == subK:
		b.k += last.k
	case last.op == andK && b.k == 0:
		b.op, b.k = jset, last.k
		b.yes.to, b.no.to = b.no.to, b.yes.to
	default:
		return
	}
	last.op = nop
	g.changed()
}

// constantJump decides a comparison whose result is known.
func (g *graph) constantJump(b *block) {
	if b.op == jset && b.k == 0 {
		b.yes.to = b.no.to
	}
	v := &g.values
	if x := b.val[regX]; b.op&classMask == classJMP && b.op&srcX != 0 && v.isConst(x) {
		b.op, b.k = b.op&^srcX, v.consts[x].val
	}
	a := b.val[regA]
	if b.op&classMask != classJMP || b.op&srcX != 0 || !v.isConst(a) {
		return
	}
	if b.yes.to != b.no.to {
		g.changed()
	}
	if compare(b.op, v.consts[a].val, b.k) {
		b.no.to = b.yes.to
	} else {
		b.yes.to = b.no.to
	}
}

func compare(op uint16, a, k uint32) bool {
	switch op {
	case jgt:
		return a > k
	case jge:
		return a >= k
	case jset:
		return a&k != 0
	}
	return a == k
}

// dropDeadStores takes out what is set and not used before it is set again, or ever.
func (g *graph) dropDeadStores(b *block) {
	var last [atoms]*inst
	visit := func(s *inst, op uint16, k uint32) {
		switch a := uses(op, k); {
		case a == both2:
			last[regA], last[regX] = nil, nil
		case a >= 0:
			last[a] = nil
		}
		if a := sets(op, k); a >= 0 {
			if last[a] != nil {
				last[a].op = nop
				g.changed()
			}
			last[a] = s
		}
	}
	for i := range b.code {
		if s := &b.code[i]; s.op != nop {
			visit(s, s.op, s.k)
		}
	}
	if !b.isReturn() {
		visit(nil, b.op, b.k)
	}
	for a, s := range last {
		if s != nil && b.out>>a&1 == 0 {
			s.op = nop
			g.changed()
			// The value is not there any more. That of X may count as known if it is a constant:
			// then nothing reads X.
			if a != regX || !g.values.isConst(b.val[a]) {
				b.val[a] = 0
			}
		}
	}
}
