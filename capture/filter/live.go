package filter

import (
	"net/netip"
	"strings"

	"golang.org/x/net/bpf"
)

// ForInterfaces checks an expression and returns what compiles its live form for a link type, an
// interface's network mask and a snapshot length. It is nil for the empty expression, which
// everything matches. Names are looked up in check at first, and in later for each interface.
func ForInterfaces(expr string, check, later Names) (func(link uint16, netmask netip.Addr, snaplen uint32) ([]bpf.RawInstruction, error), error) {
	if strings.TrimSpace(expr) == "" {
		return nil, nil
	}
	anyMask := netip.AddrFrom4([4]byte{255, 255, 255, 0})
	if _, err := Compile(expr, Options{Link: Ethernet, Extensions: Live, Netmask: anyMask, Names: check}); err != nil {
		return nil, err
	}
	return func(link uint16, netmask netip.Addr, snaplen uint32) ([]bpf.RawInstruction, error) {
		p, err := Compile(expr, Options{Link: LinkType(link), Snaplen: snaplen, Extensions: Live, Netmask: netmask, Names: later})
		if err != nil {
			return nil, err
		}
		return p.Raw(), nil
	}, nil
}
