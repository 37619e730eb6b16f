package filter

// conflict says whether b leaves in A, X or a register what the code behind target does not expect.
func conflict(b, target *block) bool {
	if target.out == 0 {
		return false
	}
	for i := range target.val {
		if target.out>>i&1 != 0 && b.val[i] != target.val[i] {
			return true
		}
	}
	return false
}

// shorten makes an edge go past blocks whose result is known on it.
func (g *graph) shorten(e *edge) {
	if e.to.isReturn() {
		return
	}
	if e.to.yes.to == e.to.no.to && !conflict(e.from, e.to.yes.to) {
		g.changed()
		e.to = e.to.yes.to
	}
	if e.to.isReturn() {
		return
	}
	for i := e.dom.next(0); i >= 0; {
		target := implied(e.to, g.edges[i])
		if target == nil || conflict(e.from, target) {
			i = e.dom.next(i + 1)
			continue
		}
		g.done = false
		e.to = target
		if target.isReturn() {
			return
		}
		i = e.dom.next(0)
	}
}

// implied is where a block goes if an edge was taken before, or nil if that does not tell.
func implied(b *block, e *edge) *block {
	if b.op != e.op || b.val[regA] != e.from.val[regA] {
		return nil
	}
	switch {
	case b.operan == e.from.operan && e.holds: // the same comparison
		return b.yes.to
	case b.operan == e.from.operan:
		return b.no.to
	case e.holds && e.op == jeq: // A equals another constant
		return b.no.to
	}
	return nil
}

// pull moves a test up a chain of alternatives (or) or conditions (and), to where A has its value.
// In "ip host a or arp host b or ip host c" the second test for IP moves to the first. The chain's
// tests share the way out that leave picks; next picks the way on.
func (g *graph) pull(b *block, leave, next func(*block) **block) {
	if b.in == nil {
		return
	}
	val := b.in.from.val[regA]
	for e := b.in.next; e != nil; e = e.next {
		if e.from.val[regA] != val {
			return
		}
	}
	diff := &b.in.from.no.to
	if b.in.from.yes.to == b {
		diff = &b.in.from.yes.to
	}
	chained := func(c *block) bool {
		return !c.isReturn() && *leave(c) == *leave(b) && c.dom.has(b.id)
	}
	top := true
	for {
		if !chained(*diff) {
			return
		}
		if (*diff).val[regA] != val {
			break
		}
		diff = next(*diff)
		top = false
	}
	same := next(*diff)
	for {
		if !chained(*same) {
			return
		}
		if (*same).val[regA] == val {
			break
		}
		same = next(*same)
	}
	pulled := *same
	*same = *next(pulled)
	*next(pulled) = *diff
	if top {
		for e := b.in; e != nil; e = e.next {
			if e.from.yes.to == b {
				e.from.yes.to = pulled
			} else {
				e.from.no.to = pulled
			}
		}
	} else {
		*diff = pulled
	}
	g.done = false
}

func yes(b *block) **block { return &b.yes.to }
func no(b *block) **block  { return &b.no.to }
