package filter

import (
	"fmt"
	"net"
	"net/netip"
)

// node is a parsed expression.
type node interface{ String() string }

type (
	and struct{ a, b node }
	or  struct{ a, b node }
	not struct{ a node }

	// protocol is a bare name such as tcp.
	protocol struct{ name string }
	// address matches hosts and networks.
	address struct {
		family string // "", "ip", "ip6", "arp" or "rarp"
		dir    direction
		prefix netip.Prefix
	}
	// ports matches ports from low to high.
	ports struct {
		transport string // "", "tcp", "udp" or "sctp"
		dir       direction
		low, high uint16
	}
	mac struct {
		dir  direction
		addr net.HardwareAddr
	}
	ipProto struct {
		family string // "", "ip" or "ip6"
		number uint8
	}
	length struct {
		greater bool // at least, otherwise at most
		bytes   uint32
	}
)

// direction says which end of a packet is meant.
type direction int

const (
	either direction = iota
	src
	dst
	both
)

func (d direction) String() string { return [...]string{"", "src ", "dst ", "src and dst "}[d] }

func (n *and) String() string      { return "(" + n.a.String() + " and " + n.b.String() + ")" }
func (n *or) String() string       { return "(" + n.a.String() + " or " + n.b.String() + ")" }
func (n *not) String() string      { return "not " + n.a.String() }
func (n *protocol) String() string { return n.name }

func (n *address) String() string {
	kind := "net " + n.prefix.String()
	if n.prefix.IsSingleIP() {
		kind = "host " + n.prefix.Addr().String()
	}
	return spaced(n.family) + n.dir.String() + kind
}

func (n *ports) String() string {
	if n.low == n.high {
		return fmt.Sprintf("%s%sport %d", spaced(n.transport), n.dir, n.low)
	}
	return fmt.Sprintf("%s%sportrange %d-%d", spaced(n.transport), n.dir, n.low, n.high)
}

func (n *mac) String() string     { return fmt.Sprintf("ether %shost %s", n.dir, n.addr) }
func (n *ipProto) String() string { return fmt.Sprintf("%sproto %d", spaced(n.family), n.number) }

func (n *length) String() string {
	if n.greater {
		return fmt.Sprintf("greater %d", n.bytes)
	}
	return fmt.Sprintf("less %d", n.bytes)
}

func spaced(s string) string {
	if s != "" {
		s += " "
	}
	return s
}
