package filter

// Types of LLC frames (IEEE 802.2): the value of the control field under a mask.
var llcTypes = map[string]masked{
	"i": {}, "s": {1, 3}, "u": {3, 3},
	"rr": {0x01, 0x0f}, "rnr": {0x05, 0x0f}, "rej": {0x09, 0x0f},
	"ui": {0x03, 0xef}, "ua": {0x63, 0xef}, "disc": {0x43, 0xef}, "sabme": {0x6f, 0xef}, "test": {0xe3, 0xef}, "xid": {0xaf, 0xef}, "frmr": {0x87, 0xef},
}

func (g *generator) keyword(n *Keyword) *cond {
	switch n.Name {
	case "broadcast":
		return g.broadcast(n.Proto)
	case "multicast":
		return g.multicast(n.Proto)
	case "less":
		return not(test(jgt, n.Number, inst{op: ldLen}))
	case "greater":
		return test(jge, n.Number, inst{op: ldLen})
	case "inbound", "outbound":
		return g.direction(n.Name == "outbound")
	case "ifindex":
		return g.ifindex(n.Number)
	case "llc":
		return g.llc(n.LLC)
	}
	return g.encapsulation(n)
}

func (g *generator) broadcast(p Proto) *cond {
	switch p {
	case ProtoAny, ProtoLink:
		if g.link != Ethernet {
			return g.refuse("link type %s has no broadcast", g.link)
		}
		return g.etherHost([6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Dst)
	case ProtoIP:
		if !g.opts.Netmask.Is4() {
			return g.refuse("ip broadcast needs the network mask of the interface, which is not known")
		}
		host := ^number4(g.opts.Netmask)
		c := g.carries(etherIP)
		return and(c, or(equal(g.inNetwork(16, 4), host, 0), equal(g.inNetwork(16, 4), host, host)))
	}
	return g.refuse("%s has no broadcast", p)
}

func (g *generator) multicast(p Proto) *cond {
	switch p {
	case ProtoAny, ProtoLink:
		if g.link != Ethernet {
			return g.refuse("link type %s has no multicast", g.link)
		}
		return and(g.ethernet(), test(jset, 1, g.load(g.linkHdr, 0, 1)...))
	case ProtoIP:
		c := g.carries(etherIP)
		return and(c, test(jge, 224, g.inNetwork(16, 1)...))
	case ProtoIP6:
		c := g.carries(etherIP6)
		return and(c, equal(g.inNetwork(24, 1), whole, 0xff))
	}
	return g.refuse("%s has no multicast", p)
}

// llc tests for an 802.2 header, which raw NetWare frames do not have, and its type.
func (g *generator) llc(name string) *cond {
	if g.link != Ethernet {
		return g.refuse("link type %s has no llc headers to test", g.link)
	}
	c := and(g.hasLength(), not(equal(g.load(g.payload, 0, 2), whole, 0xffff)))
	if name == "" {
		return c
	}
	control := g.load(g.payload, 2, 1)
	if name == "i" {
		return and(c, not(test(jset, 1, control...)))
	}
	t := llcTypes[name]
	return and(c, equal(control, t.mask, t.val))
}
