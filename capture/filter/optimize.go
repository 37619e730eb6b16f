package filter

import "encoding/binary"

// Bounds of the work. Improvements that only move jumps can undo one another. Expressions of
// hundreds of hosts take some 15 rounds. The bits of dominator sets are the square of the blocks.
const (
	maxIdle   = 100
	maxRounds = 300
	maxBlocks = 8192
)

// optimize improves the program at root in place, and returns its new root. The text says what is
// wrong with the program, in a few words.
func optimize(root *block) (*block, string) {
	g := newGraph(root)
	for _, alter := range []bool{false, true} {
		g.rounds(alter)
		if g.err != "" {
			return nil, g.err
		}
	}
	g.merge()
	return g.skipRoot(), ""
}

func (g *graph) rounds(alter bool) {
	for round, idle := 0, 0; round < maxRounds && idle < maxIdle; round, idle = round+1, idle+1 {
		g.done, g.moved = true, false
		g.analyse()
		g.improve(alter)
		if g.done || g.err != "" {
			return
		}
		if g.moved {
			idle = -1
		}
	}
}

// improve is one round over all blocks. It improves what they compute. Once all instructions are in
// place, it improves where they go and in which order they stand.
func (g *graph) improve(alter bool) {
	g.values.reset()
	g.findIn()
	for level := g.root.level; level >= 0; level-- {
		for _, b := range g.levels[level] {
			if g.evaluate(b, alter); g.err != "" {
				return
			}
		}
	}
	if alter {
		return
	}
	for level := 1; level <= g.root.level; level++ {
		for _, b := range g.levels[level] {
			g.shorten(&b.yes)
			g.shorten(&b.no)
		}
	}
	g.findIn()
	for level := 1; level <= g.root.level; level++ {
		for _, b := range g.levels[level] {
			g.pull(b, yes, no)
			g.pull(b, no, yes)
		}
	}
}

// merge joins blocks that do the same and go on to the same, from the program's end on.
func (g *graph) merge() {
	var key []byte
	for {
		g.findLevels()
		first := map[string]*block{}
		same := map[*block]*block{}
		for level := range g.root.level + 1 {
			for _, b := range g.levels[level] {
				key = b.appendKey(key[:0])
				if c, ok := first[string(key)]; ok {
					same[b] = c
				} else {
					first[string(key)] = b
				}
			}
		}
		if len(same) == 0 {
			return
		}
		for _, b := range g.blocks {
			for _, e := range []*edge{&b.yes, &b.no} {
				if c := same[e.to]; c != nil {
					e.to = c
				}
			}
		}
	}
}

// appendKey appends what a block does.
func (b *block) appendKey(key []byte) []byte {
	yes, no := -1, -1
	if !b.isReturn() {
		yes, no = b.yes.to.id, b.no.to.id
	}
	for _, n := range []uint32{uint32(b.op), b.k, uint32(yes), uint32(no)} {
		key = binary.NativeEndian.AppendUint32(key, n)
	}
	for _, s := range b.code {
		if s.op != nop {
			key = binary.NativeEndian.AppendUint16(key, s.op)
			key = append(key, s.jt, s.jf)
			key = binary.NativeEndian.AppendUint32(key, s.k)
		}
	}
	return key
}

// skipRoot leaves out tests at the start that go the same way in any case, but not their code.
func (g *graph) skipRoot() *block {
	root := g.root
	code := root.code
	root.code = nil
	for !root.isReturn() && root.yes.to == root.no.to {
		root = root.yes.to
	}
	root.code = append(code, root.code...)
	if root.isReturn() {
		root.code = nil
	}
	return root
}
