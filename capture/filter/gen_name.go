package filter

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
)

// names is what the caller provides to look names up.
func (g *generator) names() Names {
	if g.opts.Names == nil {
		return NoNames{}
	}
	return g.opts.Names
}

// name is a name as a host, a network, a service or a protocol.
func (g *generator) name(q Qualifiers, name string) *cond {
	switch q.Type {
	case TypeNet:
		return g.namedNetwork(q, name)
	case TypePort:
		return g.service(q, name)
	case TypePortRange:
		return g.serviceRange(q, name)
	case TypeProto, TypeProtoChain:
		n, f := g.protocolNumber(name, q.Proto)
		if f != nil {
			return g.refuseWith(f)
		}
		return g.number(q, n)
	case TypeGateway:
		return g.gateway(q, name)
	}
	switch q.Proto {
	case ProtoLink:
		return g.namedEther(name, q.Dir)
	case ProtoDECnet:
		return g.refuse("DECnet has no names here: write AREA.NODE")
	}
	return g.hostName(q, name)
}

func (g *generator) namedEther(name string, dir Dir) *cond {
	if g.link != Ethernet {
		return g.mismatch("link type %s has no Ethernet addresses", g.link)
	}
	mac, err := g.names().Ether(name)
	if err != nil {
		return g.refuseWith(unknown(g.at, "Ethernet host", name, err))
	}
	return g.etherHost(mac, dir)
}

// hosts looks up a host; an address may be written as an escaped name.
func (g *generator) hosts(name string) ([]netip.Addr, *failure) {
	if addr, err := netip.ParseAddr(name); err == nil && addr.Zone() == "" {
		return []netip.Addr{addr}, nil
	}
	addrs, err := g.names().Hosts(name)
	if err != nil || len(addrs) == 0 {
		return nil, unknown(g.at, "host", name, err).withHint("names are looked up on the machine that captures, not in the container")
	}
	return addrs, nil
}

// hostName tests every address that a host has.
func (g *generator) hostName(q Qualifiers, name string) *cond {
	if q.Proto > ProtoRARP && q.Proto != ProtoIP6 {
		return g.host4(q, 0, 0) // which refuses it
	}
	addrs, f := g.hosts(name)
	if f != nil {
		return g.refuseWith(f)
	}
	v4, v6 := q, q
	if q.Proto == ProtoAny && !layouts[g.link].typed && g.link != ppp { // raw IP carries no ARP
		v4.Proto, v6.Proto = ProtoIP, ProtoIP6
	}
	var c *cond
	for _, addr := range addrs {
		switch {
		case addr.Is4() && q.Proto != ProtoIP6:
			c = or(c, g.host4(v4, number4(addr), whole))
		case addr.Is6() && q.Proto != ProtoIP && q.Proto != ProtoARP && q.Proto != ProtoRARP:
			c = or(c, g.host6(v6, addr, 128))
		}
	}
	if c == nil {
		return g.refuse("host %.60q has no address of that family", name)
	}
	return c
}

// number4 is an IPv4 address as a number.
func number4(addr netip.Addr) uint32 {
	b := addr.As4()
	return binary.BigEndian.Uint32(b[:])
}

func (g *generator) namedNetwork(q Qualifiers, name string) *cond {
	n, err := g.names().Network(name)
	if err != nil {
		return g.refuseWith(unknown(g.at, "network", name, err))
	}
	return g.number(q, n)
}

// gateway tests for packets that a host passed on. They have the host's Ethernet address, and none
// of its IPv4 addresses.
func (g *generator) gateway(q Qualifiers, name string) *cond {
	if q.Proto != ProtoAny && q.Proto != ProtoIP && q.Proto != ProtoARP && q.Proto != ProtoRARP {
		return g.mismatch("%s has no gateways", q.Proto)
	}
	c := g.namedEther(name, DirAny)
	if g.err != nil {
		return c
	}
	addrs, f := g.hosts(name)
	if f != nil {
		return g.refuseWith(f)
	}
	var own *cond
	for _, addr := range addrs {
		if addr.Is4() {
			own = or(own, g.host4(Qualifiers{Proto: q.Proto}, number4(addr), whole))
		}
	}
	if own == nil {
		return g.refuse("gateway %.60q has no IPv4 address", name)
	}
	return and(c, not(own))
}

// protocolNumber looks up a protocol in the table of those that it is a protocol of.
func (g *generator) protocolNumber(name string, of Proto) (uint32, *failure) {
	switch of {
	case ProtoAny, ProtoIP, ProtoIP6:
		n, err := g.names().Protocol(name)
		if err != nil {
			n, ok := ipProtocols[name]
			if !ok {
				return 0, unknown(g.at, "IP protocol", name, err)
			}
			return uint32(n), nil
		}
		return uint32(n), nil
	case ProtoLink:
		if n, ok := etherTypes[name]; ok {
			return n, nil
		}
		return 0, unknown(g.at, "Ethernet protocol", name, nil)
	case ProtoISO:
		if n, ok := osiProtocols[name]; ok {
			return n, nil
		}
	}
	return 0, unknown(g.at, "protocol", name, nil)
}

// servicePort looks up a service: its port, and its transport's number if only one has it.
func (g *generator) servicePort(name string) (port uint32, transport uint32, f *failure) {
	tcp, terr := g.names().Port(name, "tcp")
	udp, uerr := g.names().Port(name, "udp")
	switch {
	case terr == nil && uerr == nil && tcp == udp:
		return uint32(tcp), 0, nil
	case terr == nil:
		return uint32(tcp), protoTCP, nil
	case uerr == nil:
		return uint32(udp), protoUDP, nil
	}
	return 0, 0, unknown(g.at, "service", name, terr)
}

func (g *generator) service(q Qualifiers, name string) *cond {
	port, transport, f := g.servicePort(name)
	if f != nil {
		return g.refuseWith(f)
	}
	return g.portRange(q, port, port, transport)
}

// serviceRange tests LOW-HIGH, numbers or names of services.
func (g *generator) serviceRange(q Qualifiers, name string) *cond {
	low, high, ok := strings.Cut(name, "-")
	if !ok {
		return g.refuse("expected LOW-HIGH")
	}
	var port, transport [2]uint32
	for i, text := range []string{low, high} {
		if n, err := strconv.ParseUint(text, 10, 32); err == nil {
			port[i] = uint32(n)
			continue
		}
		var f *failure
		if port[i], transport[i], f = g.servicePort(text); f != nil {
			return g.refuseWith(f)
		}
	}
	if transport[0] != transport[1] {
		transport[0] = 0
	}
	return g.portRange(q, port[0], port[1], transport[0])
}
