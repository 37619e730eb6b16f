package filter

import (
	"strconv"

	"dlx/capture/linktype"
)

// LinkType is a link-layer header type, as in https://www.tcpdump.org/linktypes.html.
type LinkType uint16

// The link types that filters can be compiled for. String returns the name that tcpdump -y has.
const (
	Null      LinkType = linktype.Null      // BSD loopback: a 4-byte address family in the byte order of the capturing machine
	Ethernet  LinkType = linktype.Ethernet  // EN10MB
	Raw       LinkType = linktype.Raw       // IPv4 or IPv6, without a header in front
	Loop      LinkType = linktype.Loop      // OpenBSD loopback: a 4-byte address family in network byte order
	LinuxSLL  LinkType = linktype.LinuxSLL  // Linux cooked capture
	IPv4      LinkType = linktype.IPv4      // IPv4, without a header in front
	IPv6      LinkType = linktype.IPv6      // IPv6, without a header in front
	LinuxSLL2 LinkType = linktype.LinuxSLL2 // Linux cooked capture, version 2

	// ppp is what follows a PPPoE session header. It occurs behind pppoes only.
	ppp LinkType = linktype.PPP
)

// layout is where the headers of a link type are, in bytes from the start of a frame.
type layout struct {
	name    string
	typeAt  uint32 // the protocol that follows
	payload uint32 // the network header
	noSnap  uint32 // length of the 802.2 LLC header that stands before an OSI packet
	typed   bool   // there is a protocol field at typeAt
}

var layouts = map[LinkType]layout{
	Null:      {name: "NULL", payload: 4, typed: true},
	Ethernet:  {name: "EN10MB", typeAt: 12, payload: 14, noSnap: 3, typed: true},
	Raw:       {name: "RAW"},
	Loop:      {name: "LOOP", payload: 4, typed: true},
	LinuxSLL:  {name: "LINUX_SLL", typeAt: linktype.SLLProtocol, payload: linktype.SLLSize, typed: true},
	IPv4:      {name: "IPV4"},
	IPv6:      {name: "IPV6"},
	LinuxSLL2: {name: "LINUX_SLL2", typeAt: linktype.SLL2Protocol, payload: linktype.SLL2Size, typed: true},
	ppp:       {name: "PPP"},
}

func (l LinkType) String() string {
	if layout, ok := layouts[l]; ok {
		return layout.name
	}
	return "link type " + strconv.Itoa(int(l))
}

// LinkTypes are the link types that filters can be compiled for, in the order of their numbers.
func LinkTypes() []LinkType {
	return []LinkType{Null, Ethernet, Raw, Loop, LinuxSLL, IPv4, IPv6, LinuxSLL2}
}

// ParseLinkType finds a link type by its name, as tcpdump's -y takes it.
func ParseLinkType(name string) (LinkType, bool) {
	for _, l := range LinkTypes() {
		if l.String() == name || l == Ethernet && name == "ETHERNET" {
			return l, true
		}
	}
	return 0, false
}
