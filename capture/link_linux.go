package capture

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"

	"dlx/internal/printable"
)

// Link types (pcap-linktype(7)).
const (
	linkEthernet = 1
	linkRaw      = 101
)

// link is an interface that can be captured on.
type link struct {
	index    int
	name     string
	mac      []byte
	linkType uint16
	loopback bool
	netmask  netip.Addr // of its first IPv4 address, if it has one
}

// label is the name as it can be shown: the kernel lets one hold nearly any byte (dev_valid_name in net/core/dev.c).
func (l *link) label() string { return printable.Escape(l.name) }

// linkTypes are those of the kernel's ARPHRD_ types by the names that netlink gives them, as libpcap has them
// (map_arphrd_to_dlt in pcap-linux.c). Loopback carries Ethernet headers, these tunnels IP packets as they are. What
// libpcap captures without its link header (cooked), such as GRE, is not known here.
var linkTypes = map[string]uint16{
	"ether": linkEthernet, "loopback": linkEthernet,
	"none": linkRaw, "unknown519": linkRaw /* ARPHRD_RAWIP */, "ipip": linkRaw, "tunnel6": linkRaw, "sit": linkRaw,
}

// findLinks lists the interfaces of the calling thread's network namespace that name stands for, and names those that
// are left out since their link type is not known.
func findLinks(name string) (links []link, skipped []string, err error) {
	all, err := listLinks()
	if err != nil {
		return nil, nil, fmt.Errorf("list interfaces: %w", err)
	}
	missing := &NoInterfaceError{Name: name}
	for _, l := range all {
		a := l.Attrs()
		found := link{
			index: a.Index, name: a.Name, mac: a.HardwareAddr, linkType: linkTypes[a.EncapType],
			loopback: a.Flags&net.FlagLoopback != 0, netmask: netmask(l),
		}
		missing.There = append(missing.There, found.label())
		named := a.Name == name
		switch {
		case !named && (name != "" && name != Any || a.Flags&net.FlagUp == 0):
		case found.linkType != 0:
			links = append(links, found)
		case named:
			missing.Why = "its link type (" + a.EncapType + ") is not known"
		default:
			skipped = append(skipped, found.label())
		}
	}
	if len(links) == 0 {
		return nil, nil, missing
	}
	return links, skipped, nil
}

// netmask is the network mask of an interface's first IPv4 address. Only "ip broadcast" asks for it: that there is none,
// or that it can not be found out, is told by the filter that needs it.
func netmask(l netlink.Link) netip.Addr {
	addrs, err := netlink.AddrList(l, netlink.FAMILY_V4)
	if err != nil || len(addrs) == 0 {
		return netip.Addr{}
	}
	mask, _ := netip.AddrFromSlice(addrs[0].Mask)
	return mask
}

// listTries is how often the list is asked for when interfaces come and go meanwhile.
const listTries = 5

func listLinks() (links []netlink.Link, err error) {
	for range listTries {
		if links, err = netlink.LinkList(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return links, err
}
