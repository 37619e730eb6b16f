package dissect_test

import (
	"bytes"
	"encoding/hex"
	"net"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/net/dns/dnsmessage"
)

// frame is an Ethernet frame with a name.
type frame struct {
	name string
	data []byte
}

var (
	mac1 = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	mac2 = net.HardwareAddr{2, 0, 0, 0, 0, 2}
	ip1  = net.IP{10, 0, 0, 1}
	ip2  = net.IP{10, 0, 0, 2}
	ip61 = net.ParseIP("2001:db8::1")
	ip62 = net.ParseIP("2001:db8::2")
)

// build serializes layers, with the lengths and checksums that belong there.
func build(t testing.TB, list ...gopacket.SerializableLayer) []byte {
	t.Helper()
	var network gopacket.NetworkLayer
	for _, l := range list {
		switch l := l.(type) {
		case *layers.IPv4:
			network = l
		case *layers.IPv6:
			network = l
		case interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}:
			if network != nil {
				_ = l.SetNetworkLayerForChecksum(network)
			}
		}
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, list...); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(buf.Bytes())
}

func ether(kind layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: mac1, DstMAC: mac2, EthernetType: kind}
}

// over4 and over6 are the headers in front of a transport; reply turns them around.
func over4(p layers.IPProtocol) []gopacket.SerializableLayer {
	return []gopacket.SerializableLayer{ether(layers.EthernetTypeIPv4), &layers.IPv4{Version: 4, IHL: 5, Id: 7, TTL: 64, Flags: layers.IPv4DontFragment, Protocol: p, SrcIP: ip1, DstIP: ip2}}
}

func reply4(p layers.IPProtocol) []gopacket.SerializableLayer {
	l := over4(p)
	ip := l[1].(*layers.IPv4)
	ip.SrcIP, ip.DstIP = ip.DstIP, ip.SrcIP
	ip.TOS, ip.Flags, ip.Id = 0x10|1, 0, 0
	return l
}

func over6(p layers.IPProtocol) []gopacket.SerializableLayer {
	return []gopacket.SerializableLayer{ether(layers.EthernetTypeIPv6), &layers.IPv6{Version: 6, HopLimit: 64, FlowLabel: 0x12345, NextHeader: p, SrcIP: ip61, DstIP: ip62}}
}

// raw is bytes in hexadecimal.
func raw(t testing.TB, s string) gopacket.Payload {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// message is a DNS message.
func message(t testing.TB, m *dnsmessage.Message) gopacket.Payload {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// frames are frames of every kind that is printed in tcpdump's words.
func frames(t testing.TB) []frame {
	t.Helper()
	var list []frame
	add := func(name string, l ...gopacket.SerializableLayer) {
		t.Helper()
		list = append(list, frame{name, build(t, l...)})
	}
	on := func(l []gopacket.SerializableLayer, more ...gopacket.SerializableLayer) []gopacket.SerializableLayer {
		return append(l, more...)
	}
	const tcp, udp = layers.IPProtocolTCP, layers.IPProtocolUDP
	mss := layers.TCPOption{OptionType: 2, OptionLength: 4, OptionData: []byte{5, 0xb4}}
	stamp := layers.TCPOption{OptionType: 8, OptionLength: 10, OptionData: []byte{0, 0, 1, 0, 0, 0, 2, 0}}
	nop := layers.TCPOption{OptionType: 1, OptionLength: 1}
	sackOK := layers.TCPOption{OptionType: 4, OptionLength: 2}
	scale := layers.TCPOption{OptionType: 3, OptionLength: 3, OptionData: []byte{7}}
	syn := []layers.TCPOption{mss, sackOK, stamp, nop, scale}
	more := []layers.TCPOption{nop, nop, stamp}
	for _, v := range []struct {
		name      string
		out, back func(layers.IPProtocol) []gopacket.SerializableLayer
	}{{"4", over4, reply4}, {"6", over6, over6}} {
		add("syn"+v.name, on(v.out(tcp), &layers.TCP{SrcPort: 40000, DstPort: 8090, Seq: 1000, SYN: true, Window: 64240, Options: syn})...)
		if v.name == "4" {
			add("syn ack"+v.name, on(v.back(tcp), &layers.TCP{SrcPort: 8090, DstPort: 40000, Seq: 5000, Ack: 1001, SYN: true, ACK: true, Window: 65160, Options: syn})...)
			add("data back"+v.name, on(v.back(tcp), &layers.TCP{SrcPort: 8090, DstPort: 40000, Seq: 5001, Ack: 1001, PSH: true, ACK: true, Window: 65160, Options: more}, gopacket.Payload("\x01\x02\x03"))...)
			add("sack"+v.name, on(v.back(tcp), &layers.TCP{SrcPort: 8090, DstPort: 40000, Seq: 5004, Ack: 1001, ACK: true, Window: 501,
				Options: []layers.TCPOption{nop, nop, {OptionType: 5, OptionLength: 10, OptionData: []byte{0, 0, 4, 8, 0, 0, 4, 9}}}})...)
		}
		add("ack"+v.name, on(v.out(tcp), &layers.TCP{SrcPort: 40000, DstPort: 8090, Seq: 1001, Ack: 5001, ACK: true, Window: 502, Options: more})...)
		add("urgent"+v.name, on(v.out(tcp), &layers.TCP{SrcPort: 40000, DstPort: 8090, Seq: 1001, Ack: 5001, ACK: true, URG: true, ECE: true, CWR: true, Urgent: 3, Window: 502}, gopacket.Payload("\x01\x02\x03"))...)
		add("fin"+v.name, on(v.out(tcp), &layers.TCP{SrcPort: 40000, DstPort: 8090, Seq: 1004, Ack: 5004, FIN: true, ACK: true, Window: 502, Options: more})...)
		add("rst"+v.name, on(v.out(tcp), &layers.TCP{SrcPort: 40000, DstPort: 8090, Seq: 1004, RST: true})...)
		add("null"+v.name, on(v.out(tcp), &layers.TCP{SrcPort: 40000, DstPort: 81, Seq: 1})...)
		add("fast open"+v.name, on(v.out(tcp), &layers.TCP{SrcPort: 40000, DstPort: 82, Seq: 1, SYN: true, Options: []layers.TCPOption{{OptionType: 34, OptionLength: 10, OptionData: []byte("12345678")}, mss}})...)
		add("odd options"+v.name, on(v.out(tcp), &layers.TCP{SrcPort: 40000, DstPort: 83, Seq: 1, SYN: true, Options: []layers.TCPOption{{OptionType: 99, OptionLength: 4, OptionData: []byte{1, 2}}, {OptionType: 34, OptionLength: 2}}})...)
		add("udp"+v.name, on(v.out(udp), &layers.UDP{SrcPort: 1111, DstPort: 2222}, gopacket.Payload("abc"))...)
		add("udp empty"+v.name, on(v.out(udp), &layers.UDP{SrcPort: 1111, DstPort: 2222})...)
		for _, m := range domainMessages(t) {
			l := v.out(udp)
			ports := &layers.UDP{SrcPort: 4000, DstPort: 53}
			if strings.Contains(m.name, "mdns") {
				ports = &layers.UDP{SrcPort: 5353, DstPort: 5353}
			}
			add("dns "+m.name+v.name, on(l, ports, m.data)...)
		}
		add("dns over tcp"+v.name, on(v.out(tcp), &layers.TCP{SrcPort: 4001, DstPort: 53, Seq: 9, Ack: 1, ACK: true, PSH: true, Window: 1}, overTCP(domainMessages(t)[0].data))...)
		add("ntp"+v.name, on(v.out(udp), &layers.UDP{SrcPort: 123, DstPort: 123}, append(gopacket.Payload{0x23, 0, 6, 0xe9}, make([]byte, 44)...))...)
		add("unknown protocol"+v.name, on(v.out(253), gopacket.Payload("abcdefgh"))...)
	}
	add("request", ether(layers.EthernetTypeARP), arpOf(1, ip1, nil, ip2))
	add("reply", ether(layers.EthernetTypeARP), arpOf(2, ip2, mac1, ip1))
	add("probe", ether(layers.EthernetTypeARP), arpOf(1, ip2, net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, ip1))
	for _, q := range []uint16{0x8100, 0x88a8} {
		e := ether(layers.EthernetType(q))
		add("vlan "+hex.EncodeToString([]byte{byte(q >> 8)}), on([]gopacket.SerializableLayer{e, &layers.Dot1Q{VLANIdentifier: 100, Priority: 3, Type: layers.EthernetTypeIPv4}}, on(over4(udp)[1:], &layers.UDP{SrcPort: 1, DstPort: 2})...)...)
	}
	add("double tag", on([]gopacket.SerializableLayer{ether(0x88a8), &layers.Dot1Q{VLANIdentifier: 7, Type: 0x8100}, &layers.Dot1Q{VLANIdentifier: 100, DropEligible: true, Type: layers.EthernetTypeIPv4}}, on(over4(udp)[1:], &layers.UDP{SrcPort: 1, DstPort: 2})...)...)
	return append(append(list, icmpFrames(t)...), oddFrames(t)...)
}

func arpOf(op uint16, src net.IP, to net.HardwareAddr, dst net.IP) *layers.ARP {
	if to == nil {
		to = make(net.HardwareAddr, 6)
	}
	return &layers.ARP{
		AddrType: 1, Protocol: 0x800, HwAddressSize: 6, ProtAddressSize: 4, Operation: op,
		SourceHwAddress: mac1, SourceProtAddress: src, DstHwAddress: to, DstProtAddress: dst,
	}
}

func overTCP(b gopacket.Payload) gopacket.Payload {
	return append(gopacket.Payload{byte(len(b) >> 8), byte(len(b))}, b...)
}

// icmpFrames are messages of ICMP and ICMPv6.
func icmpFrames(t testing.TB) (list []frame) {
	t.Helper()
	for _, v := range []struct {
		name string
		kind uint8
		code uint8
		id   uint16
		seq  uint16
	}{
		{"echo", 8, 0, 3, 4}, {"echo reply", 0, 0, 3, 4}, {"net", 3, 0, 0, 0}, {"host", 3, 1, 0, 0}, {"protocol", 3, 2, 0, 0}, {"port", 3, 3, 0, 0},
		{"frag", 3, 4, 0, 1400}, {"frag, no mtu", 3, 4, 0, 0}, {"route", 3, 5, 0, 0}, {"admin", 3, 13, 0, 0}, {"prohibited", 3, 10, 0, 0}, {"redirect", 5, 1, 0x0a00, 9},
		{"ttl", 11, 0, 0, 0}, {"reassembly", 11, 1, 0, 0}, {"parameter", 12, 0, 0x0100, 0}, {"quench", 4, 0, 0, 0}, {"unknown", 77, 0, 0, 0},
	} {
		h := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(v.kind, v.code), Id: v.id, Seq: v.seq}
		body := gopacket.Payload("abcdefghij")
		if v.kind == 3 || v.kind == 4 || v.kind == 5 || v.kind == 11 || v.kind == 12 {
			body = gopacket.Payload(build(t, append(reply4(layers.IPProtocolUDP)[1:], &layers.UDP{SrcPort: 2222, DstPort: 1111}, gopacket.Payload("xyz"))...))
		}
		list = append(list, frame{"icmp " + v.name, build(t, append(over4(layers.IPProtocolICMPv4), h, body)...)})
	}
	quoted := hex.EncodeToString(build(t, append(over6(layers.IPProtocolUDP)[1:], &layers.UDP{SrcPort: 2222, DstPort: 1111}, gopacket.Payload("xyz"))...))
	address := hex.EncodeToString(ip61)
	for _, v := range []struct {
		name       string
		kind, code uint8
		body       string
	}{
		{"echo", 128, 0, "0003 0004 616263"}, {"echo reply", 129, 0, "0003 0004 616263"}, {"no route", 1, 0, "00000000" + quoted}, {"admin", 1, 1, "00000000" + quoted},
		{"address", 1, 3, "00000000" + quoted}, {"port", 1, 4, "00000000" + quoted}, {"too big", 2, 0, "00000500" + quoted}, {"hop limit", 3, 0, "00000000" + quoted},
		{"solicitation", 135, 0, "00000000" + address + "0101020000000001"}, {"advertisement", 136, 0, "60000000" + address + "0201020000000001"},
		{"router solicitation", 133, 0, "00000000 0101020000000001"},
	} {
		h := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(v.kind, v.code)}
		list = append(list, frame{"icmp6 " + v.name, build(t, append(over6(layers.IPProtocolICMPv6), h, raw(t, v.body))...)})
	}
	return list
}

// oddFrames are fragments, extension headers, tunnels, and what is broken or cut.
func oddFrames(t testing.TB) []frame {
	t.Helper()
	first := over4(layers.IPProtocolUDP)
	first[1].(*layers.IPv4).Flags = layers.IPv4MoreFragments
	later := over4(layers.IPProtocolUDP)
	later[1].(*layers.IPv4).Flags, later[1].(*layers.IPv4).FragOffset = layers.IPv4MoreFragments, 185
	options := over4(layers.IPProtocolUDP)
	options[1].(*layers.IPv4).Options = []layers.IPv4Option{{OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}}, {OptionType: 1, OptionLength: 1}}
	small := &layers.UDP{SrcPort: 1, DstPort: 2}
	badSum := build(t, append(over4(layers.IPProtocolTCP), &layers.TCP{SrcPort: 1, DstPort: 2, SYN: true})...)
	badSum[24]++       // the header's
	badSum[14+20+16]++ // the segment's
	badUDP := build(t, append(over4(layers.IPProtocolUDP), small, gopacket.Payload("abc"))...)
	badUDP[14+20+6]++
	noSum := build(t, append(over4(layers.IPProtocolUDP), small, gopacket.Payload("abc"))...)
	noSum[14+20+6], noSum[14+20+7] = 0, 0
	shortTCP := build(t, append(over4(layers.IPProtocolTCP), &layers.TCP{SrcPort: 1, DstPort: 2, SYN: true})...)
	shortTCP[14+20+12] = 0x40
	longTCP := build(t, append(over4(layers.IPProtocolTCP), &layers.TCP{SrcPort: 1, DstPort: 2, SYN: true})...)
	longTCP[14+20+12] = 0xf0
	fragment6 := append(over6(layers.IPProtocolIPv6Fragment), raw(t, "11000001 00000007 0001000200080000"))
	later6 := append(over6(layers.IPProtocolIPv6Fragment), raw(t, "110005a9 00000007 0001000200080000"))
	hop := append(over6(layers.IPProtocolIPv6HopByHop), raw(t, "11000502 00000100 0001000200080000"))
	return []frame{
		{"first fragment", build(t, append(first, small, gopacket.Payload("abcdefgh"))...)},
		{"later fragment", build(t, append(later, gopacket.Payload("abcdefgh"))...)},
		{"ip options", build(t, append(options, small)...)},
		{"bad sums", badSum},
		{"bad udp sum", badUDP},
		{"no udp sum", noSum},
		{"short tcp header", shortTCP},
		{"long tcp header", longTCP},
		{"fragment6", build(t, fragment6...)},
		{"later fragment6", build(t, later6...)},
		{"hop by hop", build(t, hop...)},
		{"ip in ip", build(t, append(over4(layers.IPProtocolIPv4), append(reply4(layers.IPProtocolUDP)[1:], small)...)...)},
		{"ip6 in ip", build(t, append(over4(layers.IPProtocolIPv6), append(over6(layers.IPProtocolUDP)[1:], small)...)...)},
		{"gre", build(t, append(append(over4(layers.IPProtocolGRE), &layers.GRE{Protocol: layers.EthernetTypeIPv4}), append(reply4(layers.IPProtocolUDP)[1:], small)...)...)},
		{"esp", build(t, append(over4(layers.IPProtocolESP), raw(t, "00000100 00000007 0011223344"))...)},
		{"igmp query", build(t, append(over4(layers.IPProtocolIGMP), raw(t, "1164ee9b 00000000"))...)},
		{"igmp report", build(t, append(over4(layers.IPProtocolIGMP), raw(t, "16000000 e0000009"))...)},
		{"igmp report 3", build(t, append(over4(layers.IPProtocolIGMP), raw(t, "22000000 00000001 04000000 e0000009"))...)},
		{"unknown type", build(t, ether(0x88b5), gopacket.Payload("abcdefgh"))},
		{"dhcp", build(t, append(over4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 68, DstPort: 67}, &layers.DHCPv4{Operation: 1, HardwareType: 1, HardwareLen: 6, Xid: 7, ClientHWAddr: mac1})...)},
	}
}

type domainMessage struct {
	name string
	data gopacket.Payload
}

// domainMessages are questions and answers of DNS.
func domainMessages(t testing.TB) []domainMessage {
	t.Helper()
	host := dnsmessage.MustNewName("example.org.")
	www := dnsmessage.MustNewName("www.example.org.")
	a := dnsmessage.Question{Name: host, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}
	head := func(n dnsmessage.Name, k dnsmessage.Type) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: n, Type: k, Class: dnsmessage.ClassINET, TTL: 90061}
	}
	ask := dnsmessage.Header{ID: 4711, RecursionDesired: true}
	ans := dnsmessage.Header{ID: 4711, Response: true, RecursionDesired: true, RecursionAvailable: true}
	missing := ans
	missing.RCode, missing.Authoritative, missing.RecursionAvailable = dnsmessage.RCodeNameError, true, false
	cut := ans
	cut.Truncated, cut.AuthenticData = true, true
	edns := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("."), Type: dnsmessage.TypeOPT, Class: 1232}, Body: &dnsmessage.OPTResource{}}
	multi := a
	multi.Class |= 0x8000
	flush := head(host, dnsmessage.TypeA)
	flush.Class |= 0x8000
	tests := []struct {
		name string
		m    dnsmessage.Message
	}{
		{"question", dnsmessage.Message{Header: ask, Questions: []dnsmessage.Question{a}}},
		{"question with edns", dnsmessage.Message{Header: ask, Questions: []dnsmessage.Question{a}, Additionals: []dnsmessage.Resource{edns}}},
		{"no recursion", dnsmessage.Message{Header: dnsmessage.Header{ID: 1, CheckingDisabled: true}, Questions: []dnsmessage.Question{{Name: host, Type: dnsmessage.TypeAAAA, Class: dnsmessage.ClassINET}}}},
		{"chaos", dnsmessage.Message{Header: ask, Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName("version.bind."), Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassCHAOS}}}},
		{"two questions", dnsmessage.Message{Header: ask, Questions: []dnsmessage.Question{a, a}}},
		{"answer", dnsmessage.Message{Header: ans, Questions: []dnsmessage.Question{a}, Answers: []dnsmessage.Resource{{Header: head(host, dnsmessage.TypeA), Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}}}}},
		{"answers", dnsmessage.Message{Header: ans, Questions: []dnsmessage.Question{{Name: www, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}, Answers: []dnsmessage.Resource{
			{Header: head(www, dnsmessage.TypeCNAME), Body: &dnsmessage.CNAMEResource{CNAME: host}},
			{Header: head(host, dnsmessage.TypeAAAA), Body: &dnsmessage.AAAAResource{AAAA: [16]byte(ip61)}},
			{Header: head(host, dnsmessage.TypeMX), Body: &dnsmessage.MXResource{MX: www, Pref: 10}},
			{Header: head(host, dnsmessage.TypeTXT), Body: &dnsmessage.TXTResource{TXT: []string{"v=spf1 -all", "x"}}},
			{Header: head(host, dnsmessage.TypeSRV), Body: &dnsmessage.SRVResource{Target: www, Port: 443, Priority: 1, Weight: 2}},
			{Header: head(host, dnsmessage.TypePTR), Body: &dnsmessage.PTRResource{PTR: www}},
			{Header: head(host, dnsmessage.TypeNS), Body: &dnsmessage.NSResource{NS: www}},
		}}},
		{"no such name", dnsmessage.Message{Header: missing, Questions: []dnsmessage.Question{a}, Authorities: []dnsmessage.Resource{
			{Header: head(host, dnsmessage.TypeSOA), Body: &dnsmessage.SOAResource{NS: www, MBox: host, Serial: 1, Refresh: 2, Retry: 3, Expire: 4, MinTTL: 5}}}}},
		{"truncated", dnsmessage.Message{Header: cut, Questions: []dnsmessage.Question{a}}},
		{"mdns", dnsmessage.Message{Questions: []dnsmessage.Question{a}}},
		{"mdns unicast", dnsmessage.Message{Questions: []dnsmessage.Question{multi}}},
		{"mdns answer", dnsmessage.Message{Header: dnsmessage.Header{Response: true, Authoritative: true}, Answers: []dnsmessage.Resource{{Header: flush, Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}}}}},
	}
	var out []domainMessage
	for _, tt := range tests {
		out = append(out, domainMessage{tt.name, message(t, &tt.m)})
	}
	return out
}
