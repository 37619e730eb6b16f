package capture

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"

	"dlx/capture/linktype"
)

// Interfaces lists the interfaces of a network namespace.
func Interfaces(enter Enter) (list []Interface, err error) {
	var all []netlink.Addr
	var there *links
	err = enter(func() (err error) {
		if all, err = netlink.AddrList(nil, netlink.FAMILY_ALL); err != nil {
			return fmt.Errorf("list addresses: %w", err)
		}
		there, err = openLinks()
		return err
	})
	if err != nil {
		return nil, err
	}
	defer there.close()
	for _, l := range there.there() {
		i := Interface{
			Name: l.name, Index: int(l.index), Up: l.up, Loopback: l.hardware == linktype.HardwareLoopback, Driver: l.driver,
			LinkType: linkTypeOf(l.hardware), MAC: l.mac, Addresses: []netip.Prefix{},
		}
		for _, a := range all {
			if addr, ok := netip.AddrFromSlice(a.IP); ok && a.LinkIndex == i.Index {
				ones, _ := a.Mask.Size()
				addr = addr.Unmap()
				i.Addresses = append(i.Addresses, netip.PrefixFrom(addr, ones))
			}
		}
		list = append(list, i)
	}
	return list, nil
}
