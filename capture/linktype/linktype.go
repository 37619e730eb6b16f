// Package linktype has the numbers of link-layer headers in capture
// files, and the layout of the header that Linux captures have in place
// of one (pcap-linktype(7), https://www.tcpdump.org/linktypes.html).
//
// It is a library that others may import.
package linktype

import "encoding/binary"

// Link types.
const (
	Null      = 0 // BSD loopback: a 4-byte address family
	Ethernet  = 1
	PPP       = 9
	Raw       = 101 // IPv4 or IPv6, without a header in front
	Loop      = 108 // OpenBSD loopback: a 4-byte address family in network byte order
	LinuxSLL  = 113
	IPv4      = 228 // without a header in front
	IPv6      = 229 // without a header in front
	LinuxSLL2 = 276
)

// Offsets in the header of LINKTYPE_LINUX_SLL, in bytes.
const (
	SLLPacketType  = 0 // 2 bytes
	SLLAddressSize = 4 // 2 bytes
	SLLAddress     = 6
	SLLProtocol    = 14
	SLLSize        = 16 // of the header
)

// Offsets in the header of LINKTYPE_LINUX_SLL2, in bytes.
const (
	SLL2Protocol    = 0
	SLL2Interface   = 4
	SLL2Hardware    = 8
	SLL2PacketType  = 10
	SLL2AddressSize = 11
	SLL2Address     = 12
	SLL2Size        = 20 // of the header
)

// MaxAddress is the most bytes of an address that either header has room for.
const MaxAddress = 8

// MaxPacket is the most bytes of a packet that a capture file has (MAXIMUM_SNAPLEN in libpcap, for
// these link types).
const MaxPacket = 262144

// Kinds of interfaces (linux/if_arp.h).
const (
	HardwareEthernet = 1
	HardwareLoopback = 772
	HardwareNone     = 0xfffe
)

// Packet types of either header (linux/if_packet.h).
const (
	ToHost      = 0
	ToBroadcast = 1
	ToMulticast = 2
	Outgoing    = 4
)

// SLL2 is a header of LINKTYPE_LINUX_SLL2.
type SLL2 struct {
	Protocol   uint16 // an EtherType, or one of Linux's own (linux/if_ether.h)
	Interface  uint32 // its number
	Hardware   uint16 // its kind (linux/if_arp.h)
	PacketType byte
	// AddressSize is the size of the sender's address, which may be larger than the room for it.
	AddressSize byte
	Address     [MaxAddress]byte
}

// Append appends the header.
func (h *SLL2) Append(b []byte) []byte {
	var raw [SLL2Size]byte
	be := binary.BigEndian
	be.PutUint16(raw[SLL2Protocol:], h.Protocol)
	be.PutUint32(raw[SLL2Interface:], h.Interface)
	be.PutUint16(raw[SLL2Hardware:], h.Hardware)
	raw[SLL2PacketType] = h.PacketType
	raw[SLL2AddressSize] = h.AddressSize
	copy(raw[SLL2Address:], h.Address[:])
	return append(b, raw[:]...)
}
