package attribution

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"dlx/capture/process"
)

// flowKey tells a namespace's flows apart, seen from their local end. It has two words for a quick
// comparison. IPv6 addresses do not fit into these, and follow.
type flowKey struct {
	ends  uint64 // the addresses: the local one in the lower half; of IPv6 a hash
	ports uint64 // local in the lowest 16 bits, remote, protocol, isIPv6, the interface of a link-local address
	long  [32]byte
}

// Offsets in headers (RFC 791, 8200, 9293), in bytes.
const (
	ip4Header   = 20
	ip4Fragment = 6
	ip4Protocol = 9
	ip4Ends     = 12
	ip6Header   = 40
	ip6Next     = 6
	ip6Ends     = 8
	portsSize   = 4
	tcpFlags    = 13
	tcpSYN      = 2
	isIPv6      = 1 << 40
	ofInterface = 41
)

// parseFlow reads the flow of an IP packet, whose local end is its source if outgoing. begins says
// that it may be the first packet of another flow with the same ends. Only first fragments have
// ports, and IPv6 extension headers are not looked into. index matters to link-local addresses.
func parseFlow(b []byte, outgoing bool, index int32, k *flowKey) (begins, ok bool) {
	if len(b) < ip4Header {
		return false, false
	}
	var protocol byte
	var next []byte
	switch b[0] >> 4 {
	case 4:
		protocol = b[ip4Protocol]
		header := int(b[0]&15) * 4
		if binary.BigEndian.Uint16(b[ip4Fragment:])&0x1fff != 0 || header < ip4Header || len(b) < header {
			return false, false
		}
		next = b[header:]
		k.ends, k.ports = binary.LittleEndian.Uint64(b[ip4Ends:]), 0
		if !outgoing {
			k.ends = bits.RotateLeft64(k.ends, 32)
		}
	case 6:
		if len(b) < ip6Header {
			return false, false
		}
		protocol, next = b[ip6Next], b[ip6Header:]
		k.setLong((*[32]byte)(b[ip6Ends:]), outgoing, index)
	default:
		return false, false
	}
	if protocol != process.TCP && protocol != process.UDP || len(next) < portsSize {
		return false, false
	}
	ports := binary.BigEndian.Uint32(next)
	if outgoing {
		ports = bits.RotateLeft32(ports, 16)
	}
	k.ports |= uint64(ports) | uint64(protocol)<<32
	return protocol == process.TCP && len(next) > tcpFlags && next[tcpFlags]&tcpSYN != 0, true
}

// parseCommon is parseFlow for most packets of IPv4, in less time: whole ones without options. It
// returns false for all others, and for TCP segments that may begin a connection.
func parseCommon(b []byte, outgoing bool) (ends, ports uint64, ok bool) {
	if len(b) < ip4Header+portsSize || b[0] != 0x45 {
		return 0, 0, false
	}
	h := (*[ip4Header + portsSize]byte)(b)
	const offset = 0xff1f << 16 // the fragment's, in the word at 4
	word := binary.LittleEndian.Uint64(h[4:])
	protocol := word >> 40 & 0xff
	switch {
	case word&offset != 0:
		return 0, 0, false
	case protocol == process.UDP:
	case protocol != process.TCP || len(b) <= ip4Header+tcpFlags || b[ip4Header+tcpFlags]&tcpSYN != 0:
		return 0, 0, false
	}
	ends = binary.LittleEndian.Uint64(h[ip4Ends:])
	two := binary.BigEndian.Uint32(h[ip4Header:])
	if outgoing {
		two = bits.RotateLeft32(two, 16)
	} else {
		ends = bits.RotateLeft64(ends, 32)
	}
	return ends, uint64(two) | protocol<<32, true
}

// setLong takes the addresses of an IPv6 packet.
func (k *flowKey) setLong(ends *[32]byte, outgoing bool, index int32) {
	k.long = *ends
	if !outgoing {
		copy(k.long[:16], ends[16:])
		copy(k.long[16:], ends[:16])
	}
	le := binary.LittleEndian
	a, b := le.Uint64(k.long[0:])^bits.RotateLeft64(le.Uint64(k.long[8:]), 32), le.Uint64(k.long[16:])^bits.RotateLeft64(le.Uint64(k.long[24:]), 32)
	k.ends, k.ports = a^bits.RotateLeft64(b, 17), isIPv6
	if k.long[0] == 0xfe && k.long[1]&0xc0 == 0x80 { // fe80::/10
		k.ports |= uint64(index) << ofInterface
	}
}

// slotOf is where a table of 1<<slotBits slots has room for a flow.
func slotOf(ends, ports uint64) uint64 {
	hi, lo := bits.Mul64(ends^0x9e3779b97f4a7c15, ports^0xbf58476d1ce4e5b9)
	return (hi ^ lo) >> (64 - slotBits)
}

const slotBits = 12

// flow is the flow for people and the kernel.
func (k *flowKey) flow() process.Flow {
	var local, remote netip.Addr
	if k.ports&isIPv6 != 0 {
		local, remote = netip.AddrFrom16([16]byte(k.long[:16])), netip.AddrFrom16([16]byte(k.long[16:]))
	} else {
		var ends [8]byte
		binary.LittleEndian.PutUint64(ends[:], k.ends)
		local, remote = netip.AddrFrom4([4]byte(ends[:4])), netip.AddrFrom4([4]byte(ends[4:]))
	}
	return process.Flow{
		Protocol: byte(k.ports >> 32), Interface: uint32(k.ports >> ofInterface),
		Local: netip.AddrPortFrom(local, uint16(k.ports)), Remote: netip.AddrPortFrom(remote, uint16(k.ports>>16)),
	}
}
