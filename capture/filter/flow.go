package filter

import "math/bits"

// The optimizer works on the graph of a program's blocks, which has no loops. Value numbering finds
// repeated loads and tests. Dominators find tests whose result is known on the way to them, and
// jumps go around these. The method is that of S. McCanne, "libpcap: An Architecture and
// Optimization Methodology for Packet Capture" (Sharkfest 2011). It is followed closely: the loads
// that remain decide about packets that end early, and there, too, tcpdump has to agree.

// flow is what the optimizer knows of a block.
type flow struct {
	id     int
	level  int  // the longest way to a return
	dom    set  // the blocks that every path to this one passes
	def    atom // what is set here
	kill   atom // what is set here before it is used
	used   atom // what is used here or later before it is set
	out    atom // what is used later
	val    [atoms]int32
	operan int32 // value number of what A is compared with
	in     *edge // the first edge that leads here
	seen   int   // the last walk that came by
}

// atom is a set of what instructions work on: the 16 scratch registers, A and X.
type atom uint32

const (
	regA  = 16
	regX  = 17
	atoms = 18
	both2 = 18 // A and X at once
)

// set is a set of small numbers.
type set []uint64

func (s set) has(i int) bool { return s[i/64]>>(i%64)&1 != 0 }
func (s set) add(i int)      { s[i/64] |= 1 << (i % 64) }

func (s set) intersect(t set) {
	for i := range s {
		s[i] &= t[i]
	}
}

func (s set) fill(word uint64) {
	for i := range s {
		s[i] = word
	}
}

// next is the smallest number in a set that is not below i, or -1.
func (s set) next(i int) int {
	for w := i / 64; w < len(s); w++ {
		word := s[w]
		if w == i/64 {
			word &= ^uint64(0) << (i % 64)
		}
		if word != 0 {
			return w*64 + bits.TrailingZeros64(word)
		}
	}
	return -1
}

// graph is the blocks of a program under work.
type graph struct {
	root   *block
	blocks []*block
	edges  []*edge
	levels [][]*block // by level, in the order in which the blocks are worked on
	walk   int

	values values
	done   bool // nothing changed in this round
	moved  bool // something other than where a jump leads changed
	err    string
}

func (b *block) isReturn() bool { return b.op&classMask == classRET }

// newGraph numbers blocks and edges once. Blocks that leave the program later keep their numbers.
func newGraph(root *block) *graph {
	g := &graph{root: root}
	g.number(root)
	words := (len(g.blocks) + 63) / 64
	doms := make([]uint64, words*len(g.blocks))
	for i, b := range g.blocks {
		b.dom = set(doms[i*words : (i+1)*words])
	}
	for _, b := range g.blocks {
		b.yes.id, b.no.id = len(g.edges), len(g.edges)+len(g.blocks)
		g.edges = append(g.edges, &b.yes)
	}
	for _, b := range g.blocks {
		g.edges = append(g.edges, &b.no)
	}
	words = (len(g.edges) + 63) / 64
	doms = make([]uint64, words*len(g.edges))
	for i, e := range g.edges {
		e.dom = set(doms[i*words : (i+1)*words])
	}
	g.levels = make([][]*block, len(g.blocks))
	g.values.init(g.blocks)
	return g
}

func (g *graph) number(b *block) {
	if b.seen != 0 {
		return
	}
	b.seen = 1
	b.id = len(g.blocks)
	g.blocks = append(g.blocks, b)
	b.yes.from, b.no.from = b, b
	if !b.isReturn() {
		g.number(b.yes.to)
		g.number(b.no.to)
	}
}

// analyse finds levels, dominators and uses anew.
func (g *graph) analyse() {
	g.findLevels()
	g.findDominators()
	g.findUses()
	g.findEdgeDominators()
}

func (g *graph) findLevels() {
	for i := range g.levels {
		g.levels[i] = g.levels[i][:0]
	}
	g.walk = max(g.walk, 1) + 1
	g.findLevel(g.root)
	for _, l := range g.levels { // the last one that was reached comes first
		for i, j := 0, len(l)-1; i < j; i, j = i+1, j-1 {
			l[i], l[j] = l[j], l[i]
		}
	}
}

func (g *graph) findLevel(b *block) {
	if b.seen == g.walk {
		return
	}
	b.seen = g.walk
	b.level = 0
	if !b.isReturn() {
		g.findLevel(b.yes.to)
		g.findLevel(b.no.to)
		b.level = max(b.yes.to.level, b.no.to.level) + 1
	}
	g.levels[b.level] = append(g.levels[b.level], b)
}

func (g *graph) findDominators() {
	for _, b := range g.blocks {
		b.dom.fill(^uint64(0))
	}
	g.root.dom.fill(0)
	for level := g.root.level; level >= 0; level-- {
		for _, b := range g.levels[level] {
			b.dom.add(b.id)
			if !b.isReturn() {
				b.yes.to.dom.intersect(b.dom)
				b.no.to.dom.intersect(b.dom)
			}
		}
	}
}

func (g *graph) findEdgeDominators() {
	for _, e := range g.edges {
		e.dom.fill(^uint64(0))
	}
	g.root.yes.dom.fill(0)
	g.root.no.dom.fill(0)
	for level := g.root.level; level >= 0; level-- {
		for _, b := range g.levels[level] {
			for _, e := range []*edge{&b.yes, &b.no} {
				e.dom.add(e.id)
				if e.to != nil {
					e.to.yes.dom.intersect(e.dom)
					e.to.no.dom.intersect(e.dom)
				}
			}
		}
	}
}

// findUses finds what is used of A, X and the scratch registers in and behind each block.
func (g *graph) findUses() {
	for level := g.root.level; level >= 0; level-- {
		for _, b := range g.levels[level] {
			b.findLocalUses()
			b.out = 0
		}
	}
	for level := 1; level <= g.root.level; level++ {
		for _, b := range g.levels[level] {
			b.out |= b.yes.to.used | b.no.to.used
			b.used |= b.out &^ b.kill
		}
	}
}

func (b *block) findLocalUses() {
	b.def, b.used, b.kill = 0, 0, 0
	use := func(a int) {
		switch {
		case a == both2:
			b.used |= (1<<regA | 1<<regX) &^ b.def
		case a >= 0:
			b.used |= 1 << a &^ b.def
		}
	}
	for i := range b.code {
		s := &b.code[i]
		if s.op == nop {
			continue
		}
		use(uses(s.op, s.k))
		if a := sets(s.op, s.k); a >= 0 {
			if b.used>>a&1 == 0 {
				b.kill |= 1 << a
			}
			b.def |= 1 << a
		}
	}
	if !b.isReturn() {
		use(uses(b.op, b.k))
	}
}

// uses is what an instruction reads besides the packet: an atom, both2, or -1.
func uses(op uint16, k uint32) int {
	switch op & classMask {
	case classLD, classLDX:
		switch op & modeMask {
		case modeIND:
			return regX
		case modeMEM:
			return int(k)
		}
		return -1
	case classST:
		return regA
	case classSTX:
		return regX
	case classJMP, classALU:
		if op&srcX != 0 {
			return both2
		}
		return regA
	case classMISC:
		if op == txa {
			return regX
		}
		return regA
	}
	return -1
}

// sets is the atom that an instruction writes, or -1.
func sets(op uint16, k uint32) int {
	switch op & classMask {
	case classLD, classALU:
		return regA
	case classLDX:
		return regX
	case classST, classSTX:
		return int(k)
	case classMISC:
		if op == tax {
			return regX
		}
		return regA
	}
	return -1
}

// findIn links the edges that lead to each block, the last one found first.
func (g *graph) findIn() {
	for _, b := range g.blocks {
		b.in = nil
	}
	for level := g.root.level; level > 0; level-- {
		for _, b := range g.levels[level] {
			for _, e := range []*edge{&b.yes, &b.no} {
				e.next = e.to.in
				e.to.in = e
			}
		}
	}
}
