package dissect

import (
	"fmt"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"dlx/internal/printable"
)

// Packet is what a line is about.
type Packet struct {
	Time      time.Time
	Interface string
	Link      uint16 // pcap-linktype(7): 1 Ethernet, 101 raw IP
	Direction string // "In", "Out" or ""
	Data      []byte // what was captured
	Length    int    // bytes on the wire
}

// maxLine bounds a line, in bytes.
const maxLine = 4096

// Line returns the packet's line without its end.
func Line(p *Packet) (line string) {
	head := fmt.Sprintf("%s %-5s %-3s ", p.Time.Format("15:04:05.000000"), printable.Escape(p.Interface), p.Direction)
	defer func() {
		if r := recover(); r != nil { // a decoder's mistake costs this packet's details, and nothing else
			line = head + fmt.Sprintf("[packet that can not be decoded], length %d", p.Length)
		}
		if len(line) > maxLine {
			line = line[:maxLine] + "..."
		}
	}()
	return head + printable.Escape(describe(p))
}

func describe(p *Packet) string {
	first := layers.LayerTypeEthernet
	if p.Link != 1 {
		first = layers.LayerTypeIPv4
		if len(p.Data) > 0 && p.Data[0]>>4 == 6 {
			first = layers.LayerTypeIPv6
		}
	}
	pkt := gopacket.NewPacket(p.Data, first, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	var b strings.Builder
	for _, l := range pkt.Layers() {
		switch l := l.(type) {
		case *layers.Dot1Q:
			fmt.Fprintf(&b, "vlan %d, ", l.VLANIdentifier)
		case *layers.ARP:
			return b.String() + arp(l)
		case *layers.IPv4:
			if l.SrcIP == nil {
				return b.String() + truncated(p)
			}
			return b.String() + "IP " + ipv4(l, pkt)
		case *layers.IPv6:
			if l.SrcIP == nil {
				return b.String() + truncated(p)
			}
			return b.String() + "IP6 " + ipv6(l, pkt)
		}
	}
	if eth, ok := pkt.LinkLayer().(*layers.Ethernet); ok {
		return b.String() + fmt.Sprintf("%s > %s, ethertype 0x%04x, length %d", eth.SrcMAC, eth.DstMAC, uint16(eth.EthernetType), p.Length)
	}
	return truncated(p)
}

func truncated(p *Packet) string { return fmt.Sprintf("[truncated or unknown], length %d", p.Length) }

func arp(l *layers.ARP) string {
	ip := address
	switch l.Operation {
	case layers.ARPRequest:
		return fmt.Sprintf("ARP, Request who-has %s tell %s, length %d", ip(l.DstProtAddress), ip(l.SourceProtAddress), len(l.Contents))
	case layers.ARPReply:
		return fmt.Sprintf("ARP, Reply %s is-at %s, length %d", ip(l.SourceProtAddress), mac(l.SourceHwAddress), len(l.Contents))
	}
	return fmt.Sprintf("ARP, operation %d, length %d", l.Operation, len(l.Contents))
}

func ipv4(l *layers.IPv4, pkt gopacket.Packet) string {
	ends := [2]string{l.SrcIP.String(), l.DstIP.String()}
	payload := int(l.Length) - 4*int(l.IHL)
	if l.FragOffset > 0 {
		return fmt.Sprintf("%s > %s: %s, fragment at %d, length %d", ends[0], ends[1], l.Protocol, int(l.FragOffset)*8, payload)
	}
	return transport(ends, l.Protocol, payload, pkt)
}

func ipv6(l *layers.IPv6, pkt gopacket.Packet) string {
	ends := [2]string{l.SrcIP.String(), l.DstIP.String()}
	return transport(ends, l.NextHeader, int(l.Length), pkt)
}

// transport says what an IP packet carries; payload is its length as the IP header says.
func transport(ends [2]string, proto layers.IPProtocol, payload int, pkt gopacket.Packet) string {
	for _, l := range pkt.Layers() {
		switch l := l.(type) {
		case *layers.TCP:
			return tcp(ends, l, payload)
		case *layers.UDP:
			return udp(ends, l)
		case *layers.ICMPv4:
			return fmt.Sprintf("%s > %s: ICMP %s, length %d", ends[0], ends[1], icmp4(l), payload)
		case *layers.ICMPv6:
			return fmt.Sprintf("%s > %s: ICMP6, %s, length %d", ends[0], ends[1], icmp6(l), payload)
		}
	}
	return fmt.Sprintf("%s > %s: %s, length %d", ends[0], ends[1], proto, payload)
}

func icmp4(l *layers.ICMPv4) string {
	switch l.TypeCode.Type() {
	case layers.ICMPv4TypeEchoRequest:
		return fmt.Sprintf("echo request, id %d, seq %d", l.Id, l.Seq)
	case layers.ICMPv4TypeEchoReply:
		return fmt.Sprintf("echo reply, id %d, seq %d", l.Id, l.Seq)
	}
	return l.TypeCode.String()
}

func icmp6(l *layers.ICMPv6) string {
	switch l.TypeCode.Type() {
	case layers.ICMPv6TypeEchoRequest:
		return "echo request"
	case layers.ICMPv6TypeEchoReply:
		return "echo reply"
	case layers.ICMPv6TypeNeighborSolicitation:
		return "neighbor solicitation"
	case layers.ICMPv6TypeNeighborAdvertisement:
		return "neighbor advertisement"
	case layers.ICMPv6TypeRouterSolicitation:
		return "router solicitation"
	case layers.ICMPv6TypeRouterAdvertisement:
		return "router advertisement"
	}
	return l.TypeCode.String()
}
