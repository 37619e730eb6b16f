package filter

// maxChain is how many headers of a chain are followed. The kernel takes no loops, so each has its
// own instructions. RFC 8200, 4.1, recommends each extension header once, destination options
// twice: 7 with ESP.
const maxChain = 8

// Extension headers of IPv6 (RFC 8200), and the number for "no next header".
const (
	hopByHop       = 0
	routing        = 43
	noNextHeader   = 59
	destinationOpt = 60
)

// protoChain follows a chain of headers to the one with a number.
func (g *generator) protoChain(n uint32, of Proto) *cond {
	if g.payload.variable {
		return g.refuse("protochain can not be told behind headers of variable length")
	}
	switch of {
	case ProtoAny:
		c := g.protoChain(n, ProtoIP)
		return or(c, g.protoChain(n, ProtoIP6))
	case ProtoIP:
		return and(g.carries(etherIP), g.chain(n, []inst{g.inNetwork(9, 1)[0], g.loadHeaderLength()[0]}, false))
	case ProtoIP6:
		return and(g.carries(etherIP6), g.chain(n, []inst{g.inNetwork(6, 1)[0], {op: ldxImm, k: 40}}, true))
	}
	return g.refuse("%s has no chain of headers", of)
}

// chain generates the steps along a chain. Before each step A is the number of a header, and X is
// its offset in the packet. A jump with target 0 goes to the end: its distance is filled in later.
func (g *generator) chain(n uint32, code []inst, v6 bool) *cond {
	g.plain = true
	reg := g.alloc()
	defer g.free(reg)
	at := g.payload.fixed + g.network
	var ends []int
	end := func() { ends = append(ends, len(code)-1) }
	for range maxChain {
		code = append(code, inst{op: jeq, k: n})
		end()
		code = append(code, inst{op: jeq, k: noNextHeader})
		end()
		if v6 {
			code = append(code,
				inst{op: jeq, k: hopByHop, jt: 3}, inst{op: jeq, k: destinationOpt, jt: 2}, inst{op: jeq, k: routing, jt: 1}, inst{op: jeq, k: protoFragment, jf: 8},
				inst{op: ldiB, k: at}, inst{op: st, k: uint32(reg)},
				inst{op: ldiB, k: at + 1}, inst{op: addK, k: 1}, inst{op: mulK, k: 8}, inst{op: addK | srcX}, inst{op: tax},
				inst{op: ja, k: 11})
		}
		// The length of an authentication header counts 4 bytes, less 2. The offset is libpcap's.
		code = append(code, inst{op: jeq, k: protoAH, jt: 1}, inst{op: ja})
		end()
		code = append(code,
			inst{op: ldiB, k: at}, inst{op: st, k: uint32(reg)},
			inst{op: txa}, inst{op: addK, k: 1}, inst{op: tax},
			inst{op: ldiB, k: at}, inst{op: addK, k: 2}, inst{op: mulK, k: 4}, inst{op: tax},
			inst{op: ldMem, k: uint32(reg)})
	}
	for _, i := range ends {
		if d := len(code) - 1 - i; code[i].op == ja {
			code[i].k = uint32(d)
		} else {
			code[i].jt = uint8(d)
		}
	}
	return test(jeq, n, code...)
}
