package filter

import (
	"errors"
	"net/netip"
)

// ErrUnknownName is what Names returns for a name that it does not have.
var ErrUnknownName = errors.New("unknown name")

// Names looks up the names in an expression. Errors end the compilation. A name that does not exist
// is ErrUnknownName. A program that has more privileges than what it observes must not use files or
// resolvers that the observed can change.
type Names interface {
	// Hosts are the IPv4 and IPv6 addresses of a host, in the order in which they are tested.
	Hosts(name string) ([]netip.Addr, error)
	// Network is an IPv4 network's number as getnetent(3) has it: 10 for 10, 0x0a000000
	// for 10.0.0.0. Zero bytes on its left make it a shorter network, as in "net 10".
	// Those on its right do not.
	Network(name string) (uint32, error)
	// Ether is the Ethernet address of a host, as /etc/ethers has it.
	Ether(name string) ([6]byte, error)
	// Port is the number of a service for a transport, "tcp" or "udp".
	Port(name, transport string) (uint16, error)
	// Protocol is the number of an IP protocol.
	Protocol(name string) (uint8, error)
}

// NoNames knows the protocols that the manual page names, and nothing else.
type NoNames struct{}

var ipProtocols = map[string]uint8{
	"icmp": 1, "igmp": 2, "tcp": 6, "igrp": 9, "udp": 17, "esp": 50, "ah": 51, "ipv6-icmp": 58, "eigrp": 88, "pim": 103, "vrrp": 112, "sctp": 132,
}

// Hosts knows none.
func (NoNames) Hosts(string) ([]netip.Addr, error) { return nil, ErrUnknownName }

// Network knows none.
func (NoNames) Network(string) (uint32, error) { return 0, ErrUnknownName }

// Ether knows none.
func (NoNames) Ether(string) ([6]byte, error) { return [6]byte{}, ErrUnknownName }

// Port knows none.
func (NoNames) Port(string, string) (uint16, error) { return 0, ErrUnknownName }

// Protocol knows ah, eigrp, esp, icmp, igmp, igrp, ipv6-icmp, pim, sctp, tcp, udp and vrrp.
func (NoNames) Protocol(name string) (uint8, error) {
	if n, ok := ipProtocols[name]; ok {
		return n, nil
	}
	return 0, ErrUnknownName
}

// unknown is the failure of a look-up.
func unknown(at span, what, name string, err error) *failure {
	f := fail(at, "unknown %s %.60q", what, name)
	if err != nil && !errors.Is(err, ErrUnknownName) {
		f = fail(at, "%s %.60q", what, name)
		f.err = err
	}
	return f
}

// etherTypes are the names of "ether proto". Numbers up to 1500 are LLC service access points.
var etherTypes = map[string]uint32{
	"aarp": etherAARP, "arp": etherARP, "atalk": etherATalk, "decnet": etherDECnet, "ip": etherIP, "ip6": etherIP6, "ipx": sapIPX, "iso": sapISO,
	"lat": etherLAT, "loopback": etherLoopback, "mopdl": etherMOPDL, "moprc": etherMOPRC, "netbeui": sapNetBEUI, "rarp": etherRARP,
	"sca": etherSCA, "stp": sapSTP,
}

// osiProtocols are the names that "iso proto" takes.
var osiProtocols = map[string]uint32{"clnp": osiCLNP, "esis": osiESIS, "isis": osiISIS}

// EtherTypes (IEEE 802, IANA), as a protocol field has them.
const (
	etherIP       = 0x0800
	etherARP      = 0x0806
	etherMOPDL    = 0x6001
	etherMOPRC    = 0x6002
	etherDECnet   = 0x6003
	etherLAT      = 0x6004
	etherSCA      = 0x6007
	etherTEB      = 0x6558 // transparent Ethernet bridging
	etherRARP     = 0x8035
	etherATalk    = 0x809b
	etherAARP     = 0x80f3
	etherVLAN     = 0x8100
	etherIPX      = 0x8137
	etherIP6      = 0x86dd
	etherMPLS     = 0x8847
	etherPPPoED   = 0x8863
	etherPPPoES   = 0x8864
	etherQinQ     = 0x88a8
	etherLoopback = 0x9000
	etherQinQ9100 = 0x9100

	maxLength = 1500 // a larger number in an Ethernet header is a type, no length
)

// LLC service access points, OSI network protocols (ISO 9577) and IP protocols.
const (
	sapSTP     = 0x42
	sapIPX     = 0xe0
	sapNetBEUI = 0xf0
	sapISO     = 0xfe

	osiCLNP = 0x81
	osiESIS = 0x82
	osiISIS = 0x83

	protoICMP     = 1
	protoIGMP     = 2
	protoTCP      = 6
	protoIGRP     = 9
	protoUDP      = 17
	protoFragment = 44 // IPv6's fragment header
	protoESP      = 50
	protoAH       = 51
	protoICMP6    = 58
	protoPIM      = 103
	protoVRRP     = 112
	protoSCTP     = 132
)
