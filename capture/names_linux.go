package capture

import (
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"dlx/capture/pcapng"
)

// maxNames is how many addresses a section names at most: containers can come and go for ever.
const maxNames = 1 << 14

// Name has the file say what addresses are called. It can be called at any time before Close, from any goroutine.
func (c *Capture) Name(names ...pcapng.Name) {
	if len(names) > 0 {
		c.change(func() { c.called = append(c.called, names...) })
	}
}

// appendNames appends the names that the file does not have yet.
func (c *Capture) appendNames(names []pcapng.Name) {
	names = slices.DeleteFunc(slices.Clone(names), func(n pcapng.Name) bool {
		return slices.ContainsFunc(c.names, func(o pcapng.Name) bool { return o.Address == n.Address && slices.Equal(o.Names, n.Names) })
	})
	names = names[:min(len(names), maxNames-len(c.names))]
	c.names = append(c.names, names...)
	c.say(pcapng.AppendNames(c.out, names))
}

// addresses are those of the calling thread's network namespace, but for the ones that every namespace has. Without them a
// capture is as good, so an error is none.
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

// called is what a source's addresses are called.
func (s *source) called() (names []pcapng.Name) {
	for _, a := range s.addresses {
		names = append(names, pcapng.Name{Address: a, Names: []string{s.Name}})
	}
	return names
}
