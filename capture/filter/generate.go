package filter

import (
	"golang.org/x/net/bpf"
)

// generator emits code. Every test is a load and a comparison that goes on to one of two labels; the labels become
// distances at the end.
type generator struct {
	expr   string
	link   LinkType
	code   []instruction
	labels []int // where each label is, in instructions
	err    error
}

type label int

// instruction is one instruction, with two labels if it is a comparison.
type instruction struct {
	ins  bpf.Instruction
	t, f label
}

func (g *generator) label() label {
	g.labels = append(g.labels, -1)
	return label(len(g.labels) - 1)
}

func (g *generator) place(l label)          { g.labels[l] = len(g.code) }
func (g *generator) emit(i bpf.Instruction) { g.code = append(g.code, instruction{ins: i, t: -1}) }

// compare goes to t if the accumulator stands in that relation to val, else to f.
func (g *generator) compare(cond bpf.JumpTest, val uint32, t, f label) {
	g.code = append(g.code, instruction{bpf.JumpIf{Cond: cond, Val: val}, t, f})
}

// refuse notes an expression that this link type can not answer.
func (g *generator) refuse(msg string) {
	if g.err == nil {
		g.err = &Error{g.expr, 0, len(g.expr), msg}
	}
}

// maxProgram is the kernel's BPF_MAXINSNS.
const maxProgram = 4096

// program emits the whole program: the tree, then the two returns.
func (g *generator) program(tree node, snaplen uint32) ([]bpf.Instruction, error) {
	accept, reject := g.label(), g.label()
	g.node(tree, accept, reject)
	g.place(accept)
	g.emit(bpf.RetConstant{Val: snaplen})
	g.place(reject)
	g.emit(bpf.RetConstant{Val: 0})
	if g.err != nil {
		return nil, g.err
	}
	if len(g.code) > maxProgram {
		return nil, &Error{g.expr, 0, len(g.expr), "its program is too long"}
	}
	return g.resolve()
}

// resolve turns labels into distances, which have eight bits.
func (g *generator) resolve() ([]bpf.Instruction, error) {
	out := make([]bpf.Instruction, len(g.code))
	for i, c := range g.code {
		out[i] = c.ins
		jump, ok := c.ins.(bpf.JumpIf)
		if !ok {
			continue
		}
		t, f := g.labels[c.t]-i-1, g.labels[c.f]-i-1
		if t > 255 || f > 255 {
			return nil, &Error{g.expr, 0, len(g.expr), "its program jumps too far"}
		}
		jump.SkipTrue, jump.SkipFalse = uint8(t), uint8(f)
		out[i] = jump
	}
	return out, nil
}

// node emits a test of n, which goes to t or to f. The operands are tested in the order in which they stand, as
// libpcap's programs do: a packet that is too short for a load is rejected there and then.
func (g *generator) node(n node, t, f label) {
	switch n := n.(type) {
	case *and:
		next := g.label()
		g.node(n.a, next, f)
		g.place(next)
		g.node(n.b, t, f)
	case *or:
		next := g.label()
		g.node(n.a, t, next)
		g.place(next)
		g.node(n.b, t, f)
	case *not:
		g.node(n.a, f, t)
	case *protocol:
		g.protocol(n.name, t, f)
	case *address:
		g.address(n, t, f)
	case *ports:
		g.ports(n, t, f)
	case *mac:
		g.mac(n, t, f)
	case *ipProto:
		g.ipProto(n, t, f)
	case *length:
		g.emit(bpf.LoadExtension{Num: bpf.ExtLen})
		if n.greater {
			g.compare(bpf.JumpGreaterOrEqual, n.bytes, t, f)
		} else {
			g.compare(bpf.JumpLessOrEqual, n.bytes, t, f)
		}
	}
}

// anyOf emits tests of which one has to hold.
func (g *generator) anyOf(t, f label, tests ...func(t, f label)) {
	for i, test := range tests {
		next := f
		if i < len(tests)-1 {
			next = g.label()
		}
		test(t, next)
		if next != f {
			g.place(next)
		}
	}
}

// allOf emits tests all of which have to hold.
func (g *generator) allOf(t, f label, tests ...func(t, f label)) {
	for i, test := range tests {
		next := t
		if i < len(tests)-1 {
			next = g.label()
		}
		test(next, f)
		if next != t {
			g.place(next)
		}
	}
}
