package capture

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"dlx/capture/pcapng"
)

// naming writes the names of addresses into the file, each before the first packet that has it. The
// host's other containers are none of the file's readers' business.
//
// The names come behind interfaces: editcap(1) and reordercap(1) refuse a section that begins with
// names (pcapng_open in wiretap/pcapng.c).
type naming struct {
	known     map[netip.Addr]*called
	strangers map[netip.Addr]struct{} // of packets, without a name so far
	said      []pcapng.Name           // that the section has
	due       []pcapng.Name           // that it is to have before its next packet

	pairs4 [1 << pairBits]uint64 // addresses of packets that were looked at, by their hash
	pairs6 [1 << pairBits][2 * ip6Size]byte
}

// called is what an address is called.
type called struct {
	names []pcapng.Name
	told  int  // how many of them the section has or is to have
	seen  bool // a packet has the address
}

// maxNames is how many addresses are kept of each kind: containers can come and go for ever.
const maxNames = 1 << 14

// What is needed of IP headers (RFC 791, 8200): their sizes, where their addresses are, and the
// sizes of these, in bytes.
const (
	ip4Header = 20
	ip4Ends   = 12
	ip4Size   = 4
	ip6Header = 40
	ip6Ends   = 8
	ip6Size   = 16
)

// pairBits says how many pairs of addresses are remembered.
const pairBits = 6

// Name has the file say what addresses are called, those that its packets have. It can be called at
// any time before Close, from any goroutine. With Options.NoNames it does nothing.
func (c *Capture) Name(names ...pcapng.Name) {
	if len(names) > 0 && !c.o.NoNames {
		c.change(func() { c.called = append(c.called, names...) })
	}
}

// add takes in what addresses are called. Those of a source are named whatever its packets have.
func (n *naming) add(own bool, names []pcapng.Name) {
	if n.known == nil {
		n.known, n.strangers = map[netip.Addr]*called{}, map[netip.Addr]struct{}{}
	}
	for _, name := range names {
		name.Address = name.Address.Unmap()
		k := n.known[name.Address]
		if k == nil {
			if len(n.known) >= maxNames {
				continue
			}
			k = &called{}
			_, k.seen = n.strangers[name.Address]
			n.known[name.Address] = k
		}
		if len(k.names) < maxCalled && !slices.ContainsFunc(k.names, func(o pcapng.Name) bool { return slices.Equal(o.Names, name.Names) }) {
			k.names = append(k.names, name)
		}
		if k.seen = k.seen || own; k.seen {
			n.tell(k)
		}
	}
}

// maxCalled is how many names one address has at most: networks of containers can overlap.
const maxCalled = 16

// tell has the section say what it does not have yet of an address.
func (n *naming) tell(k *called) {
	n.due = append(n.due, k.names[k.told:]...)
	k.told = len(k.names)
}

// look takes note of the addresses of a packet, which begins at its network header.
func (n *naming) look(b []byte) {
	switch {
	case len(b) >= ip4Header && b[0]>>4 == 4:
		ends := binary.LittleEndian.Uint64(b[ip4Ends:])
		slot := &n.pairs4[ends*0x9e3779b97f4a7c15>>(64-pairBits)]
		if *slot == ends {
			return
		}
		*slot = ends
		n.see(b[ip4Ends:][:ip4Size])
		n.see(b[ip4Ends+ip4Size:][:ip4Size])
	case len(b) >= ip6Header && b[0]>>4 == 6:
		ends := (*[2 * ip6Size]byte)(b[ip6Ends:])
		var sum uint64
		for i := 0; i < len(ends); i += 8 {
			sum = (sum ^ binary.LittleEndian.Uint64(ends[i:])) * 0x9e3779b97f4a7c15
		}
		slot := &n.pairs6[sum>>(64-pairBits)]
		if *slot == *ends {
			return
		}
		*slot = *ends
		n.see(ends[:ip6Size])
		n.see(ends[ip6Size:])
	case len(b) >= arpSize && string(b[:len(arpHead)]) == arpHead:
		n.see(b[arpSender:][:ip4Size])
		n.see(b[arpTarget:][:ip4Size])
	}
}

// What is needed of ARP for IPv4 on Ethernet (RFC 826): how it begins, and where its addresses are.
const (
	arpHead   = "\x00\x01\x08\x00\x06\x04"
	arpSender = 14
	arpTarget = 24
	arpSize   = 28
)

// see takes note of an address that a packet has.
func (n *naming) see(address []byte) {
	a, _ := netip.AddrFromSlice(address)
	if k := n.known[a]; k != nil {
		k.seen = true
		n.tell(k)
	} else if n.strangers != nil && len(n.strangers) < maxNames {
		n.strangers[a] = struct{}{}
	}
}

// again has the next section say what this one did.
func (n *naming) again() {
	n.due = append(n.said, n.due...)
	n.said = nil
}

// appendNames appends the names that are due. An interface is described before.
func (c *Capture) appendNames() {
	due := c.names.due[:min(len(c.names.due), maxNames-len(c.names.said))]
	c.names.said = append(c.names.said, due...)
	c.names.due = nil
	c.out = pcapng.AppendNames(c.out, due)
}

// addresses are those of the calling thread's network namespace, but for the ones that every
// namespace has. Without them a capture is as good, so an error is none.
func addresses() (list []netip.Addr) {
	all, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil
	}
	for _, a := range all {
		if addr, ok := netip.AddrFromSlice(a.IP); ok && !addr.IsLoopback() {
			list = append(list, addr.Unmap())
		}
	}
	return list
}

// callBy names a source's addresses after it, and has its packets looked at.
func (c *Capture) callBy(s *source) {
	if c.o.NoNames {
		return
	}
	s.names = &c.names
	if s.owner != nil {
		s.owner.OnNew(c.names.look)
	}
	c.names.add(true, s.called())
}

// called is what a source's addresses are called.
func (s *source) called() (names []pcapng.Name) {
	for _, a := range s.addresses {
		names = append(names, pcapng.Name{Address: a, Names: []string{s.Name}})
	}
	return names
}
