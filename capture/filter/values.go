package filter

// values numbers the values that a program computes: two results have the same number if they are
// known to be equal. Number 0 is a value of which nothing is known.
type values struct {
	number map[valueKey]int32
	consts []constant
}

// valueKey is how a value comes about: an operation on two values, or a load.
type valueKey struct {
	op   uint16
	a, b uint32
}

type constant struct {
	val uint32
	is  bool
}

func (v *values) init(blocks []*block) {
	n := 0
	for _, b := range blocks {
		n += len(b.code) + 1
	}
	v.number = make(map[valueKey]int32, n)
	v.consts = make([]constant, 0, n+1)
}

func (v *values) reset() {
	clear(v.number)
	v.consts = append(v.consts[:0], constant{})
}

// of is the number of an operation's result.
func (v *values) of(op uint16, a, b uint32) int32 {
	key := valueKey{op, a, b}
	if n, ok := v.number[key]; ok {
		return n
	}
	n := int32(len(v.consts))
	v.number[key] = n
	v.consts = append(v.consts, constant{a, op == ldImm || op == ldxImm})
	return n
}

// fresh is the number of a new value, of which nothing else is known.
func (v *values) fresh() int32 {
	v.consts = append(v.consts, constant{})
	return int32(len(v.consts) - 1)
}

// constant is the number of a constant.
func (v *values) constant(k uint32) int32 { return v.of(ldImm, k, 0) }

func (v *values) isConst(n int32) bool { return v.consts[n].is }

// evaluate works through a block: it finds the values of A, X and the registers behind it. With
// alter it replaces instructions whose result is known, or is there already.
func (g *graph) evaluate(b *block, alter bool) {
	g.inherit(b)
	a, x := b.val[regA], b.val[regX]
	join := 0
	for i := range b.code {
		if i == join && i > 0 { // two ways come together, on which A is not the same
			b.val[regA] = g.values.fresh()
		}
		s := &b.code[i]
		switch s.op {
		case ja:
			join = i + 1 + int(s.k)
		case jeq:
			join = i + 1 + int(max(s.jt, s.jf))
		}
		g.step(s, &b.val, alter)
		if g.err != "" {
			return
		}
	}
	// Nothing of this block is used later, and A and X are as they were: only the jump counts.
	unchanged := b.out == 0 && a != 0 && b.val[regA] == a && x != 0 && b.val[regX] == x
	if alter && (unchanged || b.isReturn()) {
		if len(b.code) > 0 {
			b.code = nil
			g.changed()
		}
		g.constantJump(b)
	} else {
		g.peephole(b)
		g.dropDeadStores(b)
	}
	if b.op&srcX == 0 {
		b.operan = g.values.constant(b.k)
	} else {
		b.operan = b.val[regX]
	}
	b.yes.op, b.yes.holds = b.op, true
	b.no.op, b.no.holds = b.op, false
}

// changed notes that another round is worth it.
func (g *graph) changed() { g.done, g.moved = false, true }

// inherit takes over the values on which all ways to a block agree.
func (g *graph) inherit(b *block) {
	if b.in == nil {
		b.val = [atoms]int32{}
		return
	}
	b.val = b.in.from.val
	for e := b.in.next; e != nil; e = e.next {
		for i, v := range e.from.val {
			if b.val[i] != v {
				b.val[i] = 0
			}
		}
	}
}

// put notes a new value, or takes the instruction out if it is there already.
func put(s *inst, old *int32, n int32, alter bool) {
	if alter && n != 0 && *old == n {
		s.op = nop
	} else {
		*old = n
	}
}

// step is the effect of one instruction.
func (g *graph) step(s *inst, val *[atoms]int32, alter bool) {
	v := &g.values
	switch s.op {
	case ldW, ldH, ldB, ldLen:
		put(s, &val[regA], v.of(s.op, s.k, 0), alter)
	case ldiW, ldiH, ldiB:
		x := val[regX]
		if alter && v.isConst(x) {
			s.op = ldW | s.op&sizeMask
			if s.k += v.consts[x].val; s.k > maxOffset {
				g.err = "an offset beyond any packet"
				return
			}
			g.changed()
			put(s, &val[regA], v.of(s.op, s.k, 0), alter)
			return
		}
		put(s, &val[regA], v.of(s.op, s.k, uint32(x)), alter)
	case ldImm:
		put(s, &val[regA], v.constant(s.k), alter)
	case ldxImm:
		put(s, &val[regX], v.constant(s.k), alter)
	case ldxMSH:
		put(s, &val[regX], v.of(s.op, s.k, 0), alter)
	case ldMem, ldxMem:
		n := val[s.k]
		to := &val[regA]
		if s.op == ldxMem {
			to = &val[regX]
		}
		if alter && v.isConst(n) {
			s.op &= classMask // ldImm or ldxImm
			s.k = v.consts[n].val
			g.changed()
		}
		put(s, to, n, alter)
	case txa:
		if x := val[regX]; alter && v.isConst(x) {
			*s = inst{op: ldImm, k: v.consts[x].val}
		}
		put(s, &val[regA], val[regX], alter)
	case tax:
		put(s, &val[regX], val[regA], alter)
	case st:
		put(s, &val[s.k], val[regA], alter)
	case stx:
		put(s, &val[s.k], val[regX], alter)
	case neg:
		if a := val[regA]; alter && v.isConst(a) {
			*s = inst{op: ldImm, k: -v.consts[a].val}
			val[regA] = v.constant(s.k)
		} else {
			val[regA] = v.of(s.op, uint32(a), 0)
		}
	default:
		if s.op != nop && s.op&classMask == classALU {
			g.stepALU(s, val, alter)
		}
	}
}

// stepALU is the effect of an operation on A and a constant or X.
func (g *graph) stepALU(s *inst, val *[atoms]int32, alter bool) {
	v := &g.values
	a, x := val[regA], val[regX]
	op := s.op &^ srcX
	if s.op&srcX == 0 {
		if !alter {
			val[regA] = v.of(s.op, uint32(a), uint32(v.constant(s.k)))
			return
		}
		switch {
		case s.k == 0 && (op == divK || op == modK):
			g.err = "division by zero"
			return
		case s.k == 0 && op != mulK && op != andK:
			s.op = nop
			return
		case s.k == 0:
			s.op = ldImm
			val[regA] = v.constant(0)
			return
		case v.isConst(a):
			g.fold(s, op, v.consts[a].val, s.k, val)
			return
		}
		val[regA] = v.of(s.op, uint32(a), uint32(v.constant(s.k)))
		return
	}
	switch {
	case alter && v.isConst(x) && v.isConst(a):
		g.fold(s, op, v.consts[a].val, v.consts[x].val, val)
	case alter && v.isConst(x):
		s.op, s.k = op, v.consts[x].val
		if s.k > 31 && (op == lshK || op == rshK) {
			g.err = "a shift by more than 31 bits"
			return
		}
		g.changed()
		val[regA] = v.of(s.op, uint32(a), uint32(v.constant(s.k)))
	case alter && v.isConst(a) && v.consts[a].val == 0 && (op == addK || op == orK || op == xorK):
		s.op = txa
		put(s, &val[regA], x, alter)
	case alter && v.isConst(a) && v.consts[a].val == 0 && op != subK && op != divK && op != modK:
		*s = inst{op: ldImm}
		put(s, &val[regA], v.constant(0), alter)
	default:
		val[regA] = v.of(s.op, uint32(a), uint32(x))
	}
}

// fold replaces an operation on two constants by its result.
func (g *graph) fold(s *inst, op uint16, a, b uint32, val *[atoms]int32) {
	switch op {
	case addK:
		a += b
	case subK:
		a -= b
	case mulK:
		a *= b
	case andK:
		a &= b
	case orK:
		a |= b
	case xorK:
		a ^= b
	case lshK:
		a <<= b // 0 for 32 and more
	case rshK:
		a >>= b
	case divK, modK:
		if b == 0 {
			g.err = "division by zero"
			return
		}
		if op == divK {
			a /= b
		} else {
			a %= b
		}
	}
	*s = inst{op: ldImm, k: a}
	g.changed()
	val[regA] = g.values.constant(a)
}
