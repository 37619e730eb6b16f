package filter

// offset is where a header begins: at a constant, plus a scratch register if only the packet tells.
type offset struct {
	fixed    uint32
	variable bool
	reg      int // or -1
}

// generator makes the conditions of a tree. Primitives such as vlan move the headers for everything
// that stands behind them in the expression, so the tree is walked from left to right, once.
type generator struct {
	opts    *Options
	link    LinkType
	linkHdr offset // the innermost link-layer header
	typeAt  offset // its protocol field
	payload offset // what follows it
	network uint32 // from payload to the network header
	noSnap  uint32 // from payload to an OSI header
	labels  int    // MPLS labels passed
	vlans   int    // VLAN tags passed
	geneve  bool

	regs  [16]bool // scratch registers in use
	reg   int      // the last one given out
	zero  []int    // registers that are 0 at the start
	plain bool     // code with jumps inside, which the optimizer does not understand
	at    span     // of the node in work; of a primitive, its value
	all   span     // of the primitive in work with its qualifiers
	err   *failure
}

func newGenerator(opts *Options) *generator {
	l := layouts[opts.Link]
	return &generator{
		opts:    opts,
		link:    opts.Link,
		linkHdr: offset{reg: -1},
		typeAt:  offset{fixed: l.typeAt, reg: -1},
		payload: offset{fixed: l.payload, reg: -1},
		noSnap:  l.noSnap,
	}
}

// refuse notes why the expression can not be compiled, unless it is known already.
func (g *generator) refuse(format string, args ...any) *cond {
	return g.refuseWith(fail(g.at, format, args...))
}

func (g *generator) refuseWith(f *failure) *cond {
	if g.err == nil {
		g.err = f
	}
	return g.constant(false)
}

// alloc gives out a scratch register, of which BPF has sixteen.
func (g *generator) alloc() int {
	for range g.regs {
		if !g.regs[g.reg] {
			g.regs[g.reg] = true
			return g.reg
		}
		g.reg = (g.reg + 1) % len(g.regs)
	}
	g.refuse("more than %d intermediate results at once", len(g.regs))
	return 0
}

func (g *generator) free(reg int) { g.regs[reg] = false }

// node is the condition of a node.
func (g *generator) node(n Node) *cond {
	switch n := n.(type) {
	case *And:
		a := g.node(n.A)
		return and(a, g.node(n.B))
	case *Or:
		a := g.node(n.A)
		return or(a, g.node(n.B))
	case *Not:
		return not(g.node(n.A))
	}
	g.at, g.all = n.where(), n.where()
	switch n := n.(type) {
	case *Protocol:
		return g.protocol(n.Proto)
	case *Primitive:
		return g.primitive(n)
	case *Relation:
		return g.relation(n)
	case *Keyword:
		return g.keyword(n)
	case *ByteTest:
		return g.byteTest(n)
	}
	return g.refuse("a node of an unknown kind")
}

// constant is a condition that always holds, or never.
func (g *generator) constant(holds bool) *cond {
	k := uint32(1)
	if holds {
		k = 0
	}
	return test(jeq, 0, inst{op: ldImm, k: k})
}

// load loads size bytes (1, 2 or 4) at an offset behind the start of a header.
func (g *generator) load(from offset, off uint32, size int) []inst {
	op := map[int]uint16{1: ldB, 2: ldH, 4: ldW}[size]
	if from.variable {
		return []inst{{op: ldxMem, k: uint32(from.reg)}, {op: op&^modeMask | modeIND, k: from.fixed + off}}
	}
	return []inst{{op: op, k: from.fixed + off}}
}

// inNetwork loads from the network header.
func (g *generator) inNetwork(off uint32, size int) []inst {
	return g.load(g.payload, g.network+off, size)
}

// inTransport loads from what follows an IPv4 header, or an IPv6 header without extensions.
func (g *generator) inTransport(v6 bool, off uint32, size int) []inst {
	if v6 {
		return g.inNetwork(40+off, size)
	}
	op := map[int]uint16{1: ldiB, 2: ldiH, 4: ldiW}[size]
	return append(g.loadHeaderLength(), inst{op: op, k: g.payload.fixed + g.network + off})
}

// loadHeaderLength puts the length of the IPv4 header into X, with the variable part of its offset.
func (g *generator) loadHeaderLength() []inst {
	k := g.payload.fixed + g.network
	if !g.payload.variable {
		return []inst{{op: ldxMSH, k: k}}
	}
	return []inst{
		{op: ldxMem, k: uint32(g.payload.reg)},
		{op: ldiB, k: k}, {op: andK, k: 0xf}, {op: lshK, k: 2},
		{op: addK | srcX}, {op: tax},
	}
}

// equal compares what was loaded, masked, with a value.
func equal(code []inst, mask, val uint32) *cond {
	if mask != ^uint32(0) {
		code = append(code, inst{op: andK, k: mask})
	}
	return test(jeq, val, code...)
}

const whole = ^uint32(0)

// equalBytes compares bytes with those at a header's offset, the last four first.
func (g *generator) equalBytes(from offset, off uint32, val []byte) *cond {
	var c *cond
	for len(val) > 0 {
		size := 4
		for size > len(val) {
			size /= 2
		}
		rest := len(val) - size
		k := uint32(0)
		for _, b := range val[rest:] {
			k = k<<8 | uint32(b)
		}
		c = and(c, equal(g.load(from, off+uint32(rest), size), whole, k))
		val = val[:rest]
	}
	return c
}
