package dissect

import (
	"encoding/hex"
	"net/netip"
	"strconv"

	"github.com/gopacket/gopacket"
)

// decode reads one header. A broken one costs only what follows it, as each is decoded by itself.
// The lengths tell what is cut short.
func decode(l gopacket.DecodingLayer, data []byte) error {
	return l.DecodeFromBytes(data, gopacket.NilDecodeFeedback)
}

func itoa(n int) string { return strconv.Itoa(n) }

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func hex16(n uint16) string { return hex.EncodeToString([]byte{byte(n >> 8), byte(n)}) }

// host is an address's name, or the address.
func (p *Printer) host(a []byte) string {
	addr, ok := netip.AddrFromSlice(a)
	if !ok {
		return hex.EncodeToString(a)
	}
	if n := p.o.Names; n != nil && n.Host != nil {
		if name := n.Host(addr); name != "" {
			return name
		}
	}
	return addr.String()
}

// port is a service's name, or the number.
func (p *Printer) port(port uint16, protocol uint8) string {
	if n := p.o.Names; n != nil && n.Service != nil {
		if name := n.Service(port, protocol); name != "" {
			return name
		}
	}
	return strconv.Itoa(int(port))
}
