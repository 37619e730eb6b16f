package capture

import (
	"fmt"
	"net"

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
}

// linkTypes are those of the kernel's ARPHRD_ types by the names that netlink gives them. Loopback carries Ethernet
// headers; tunnels carry IP packets as they are.
var linkTypes = map[string]uint16{
	"ether": linkEthernet, "loopback": linkEthernet,
	"none": linkRaw, "rawip": linkRaw, "ipip": linkRaw, "tunnel6": linkRaw, "sit": linkRaw, "gre": linkRaw,
}

// findLinks lists the interfaces of the calling thread's network namespace that name stands for, and names those that
// are left out since their link type is not known.
func findLinks(name string) (links []link, skipped []string, err error) {
	all, err := netlink.LinkList()
	if err != nil {
		return nil, nil, fmt.Errorf("list interfaces: %w", err)
	}
	missing := &NoInterfaceError{Name: name}
	for _, l := range all {
		a := l.Attrs()
		missing.There = append(missing.There, printable.Escape(a.Name))
		named := a.Name == name
		if !named && (name != "" && name != Any || a.Flags&net.FlagUp == 0) {
			continue
		}
		linkType, ok := linkTypes[a.EncapType]
		switch {
		case !ok && named:
			return nil, nil, &NoInterfaceError{Name: name, There: missing.There, Why: "its link type (" + a.EncapType + ") is not known"}
		case !ok:
			skipped = append(skipped, a.Name)
			continue
		}
		links = append(links, link{a.Index, a.Name, a.HardwareAddr, linkType, a.Flags&net.FlagLoopback != 0})
	}
	if len(links) == 0 {
		return nil, nil, missing
	}
	return links, skipped, nil
}
