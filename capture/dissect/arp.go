package dissect

import (
	"bytes"
	"net"

	"github.com/gopacket/gopacket/layers"
)

// address prints ARP and RARP (RFC 826, 903).
func (p *Printer) address(t *text, r part, reverse bool) {
	if !p.o.Link {
		t.add("%s, ", map[bool]string{false: "ARP", true: "Reverse ARP"}[reverse])
	}
	var h layers.ARP
	if decode(&h, r.data) != nil {
		t.add("[|arp]")
		return
	}
	if p.o.Verbose > 0 {
		t.add("%s (len %d), %s (len %d), ", arpHardware(uint16(h.AddrType)), h.HwAddressSize, arpProtocol(uint16(h.Protocol)), h.ProtAddressSize)
	}
	mac := func(a []byte) string { return net.HardwareAddr(a).String() }
	src, dst := p.host(h.SourceProtAddress), p.host(h.DstProtAddress)
	switch h.Operation {
	case layers.ARPRequest:
		t.add("Request who-has %s", dst)
		if len(bytes.Trim(h.DstHwAddress, "\x00")) > 0 {
			t.add(" (%s)", mac(h.DstHwAddress))
		}
		t.add(" tell %s", src)
	case layers.ARPReply:
		t.add("Reply %s is-at %s", src, mac(h.SourceHwAddress))
	case 3:
		t.add("Request who-is %s tell %s", mac(h.DstHwAddress), mac(h.SourceHwAddress))
	case 4:
		t.add("Reply %s at %s", mac(h.DstHwAddress), dst)
	default:
		t.add("Unknown (%d)", h.Operation)
	}
	t.add(", length %d", r.length)
}

func arpHardware(n uint16) string {
	if n == 1 {
		return "Ethernet"
	}
	return "Unknown Hardware (" + itoa(int(n)) + ")"
}

func arpProtocol(n uint16) string {
	if n == 0x0800 {
		return "IPv4"
	}
	return "Unknown Protocol (0x" + hex16(n) + ")"
}
