package dissect_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"dlx/capture/dissect"
)

var (
	eth   = &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
	eth6  = &layers.Ethernet{SrcMAC: eth.SrcMAC, DstMAC: eth.DstMAC, EthernetType: layers.EthernetTypeIPv6}
	vlan  = &layers.Dot1Q{VLANIdentifier: 100, Type: layers.EthernetTypeIPv4}
	ip    = layers.IPv4{Version: 4, TTL: 64, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
	ip6   = layers.IPv6{Version: 6, SrcIP: net.ParseIP("2001:db8::1"), DstIP: net.ParseIP("2001:db8::2")}
	when  = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	start = "03:04:05.678901 eth0  In  "
)

func build(t testing.TB, list ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, list...); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func with(p layers.IPProtocol) *layers.IPv4 {
	h := ip
	h.Protocol = p
	return &h
}

func with6(p layers.IPProtocol) *layers.IPv6 {
	h := ip6
	h.NextHeader = p
	return &h
}

func TestLine(t *testing.T) {
	syn := &layers.TCP{SrcPort: 1234, DstPort: 80, Seq: 7, SYN: true, Window: 100, Options: []layers.TCPOption{
		{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 0xb4}}, {OptionType: layers.TCPOptionKindSACKPermitted, OptionLength: 2},
	}}
	push := &layers.TCP{SrcPort: 1234, DstPort: 80, Seq: 7, Ack: 9, PSH: true, ACK: true, Window: 100}
	vlanEth := *eth
	vlanEth.EthernetType = layers.EthernetTypeDot1Q
	arpEth := *eth
	arpEth.EthernetType = layers.EthernetTypeARP
	other := *eth
	other.EthernetType = 0x88b5
	fragment := *with(layers.IPProtocolUDP)
	fragment.FragOffset = 2
	query := &layers.DNS{ID: 5, RD: true, Questions: []layers.DNSQuestion{{Name: []byte("example.org"), Type: layers.DNSTypeA, Class: layers.DNSClassIN}}}
	reply := *query
	reply.QR = true
	reply.Answers = []layers.DNSResourceRecord{{Name: []byte("example.org"), Type: layers.DNSTypeA, Class: layers.DNSClassIN, IP: net.IP{192, 0, 2, 1}}}
	toDNS := &layers.UDP{SrcPort: 4000, DstPort: 53}
	tests := map[string]struct {
		data []byte
		want string
	}{
		"tcp":      {build(t, eth, with(layers.IPProtocolTCP), syn), "IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [S], seq 7, win 100, options [mss 1460,sackOK,eol], length 0"},
		"http":     {build(t, eth, with(layers.IPProtocolTCP), push, gopacket.Payload("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")), "IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [P.], seq 7:35, ack 9, win 100, length 28: HTTP: GET /x HTTP/1.1"},
		"escapes":  {build(t, eth, with(layers.IPProtocolTCP), push, gopacket.Payload("GET /\x1b[2J\x07\xff HTTP/1.1\r\n")), `IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [P.], seq 7:29, ack 9, win 100, length 22: HTTP: GET /\x1b[2J\a\xff HTTP/1.1`},
		"udp":      {build(t, eth, with(layers.IPProtocolUDP), &layers.UDP{SrcPort: 1, DstPort: 2}, gopacket.Payload("abc")), "IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 3"},
		"question": {build(t, eth, with(layers.IPProtocolUDP), toDNS, query), "IP 10.0.0.1.4000 > 10.0.0.2.53: 5+ A? example.org. (29)"},
		"answer":   {build(t, eth, with(layers.IPProtocolUDP), toDNS, &reply), "IP 10.0.0.1.4000 > 10.0.0.2.53: 5 1/0/0 A? example.org. A 192.0.2.1 (56)"},
		"icmp":     {build(t, eth, with(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: 3, Seq: 4}), "IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 3, seq 4, length 8"},
		"icmp6":    {build(t, eth6, with6(layers.IPProtocolICMPv6), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(135, 0)}), "IP6 2001:db8::1 > 2001:db8::2: ICMP6, neighbor solicitation, length 4"},
		"vlan":     {build(t, &vlanEth, vlan, with(layers.IPProtocolUDP), &layers.UDP{SrcPort: 1, DstPort: 2}), "vlan 100, IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 0"},
		"arp": {build(t, &arpEth, &layers.ARP{AddrType: 1, Protocol: 0x800, HwAddressSize: 6, ProtAddressSize: 4, Operation: 1, SourceHwAddress: eth.SrcMAC, SourceProtAddress: []byte{10, 0, 0, 1}, DstHwAddress: make([]byte, 6), DstProtAddress: []byte{10, 0, 0, 2}}),
			"ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28"},
		"fragment":  {build(t, eth, &fragment, gopacket.Payload("abcdefgh")), "IP 10.0.0.1 > 10.0.0.2: UDP, fragment at 16, length 8"},
		"unknown":   {build(t, &other, gopacket.Payload("x")), "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 0x88b5, length 60"},
		"truncated": {[]byte{1, 2, 3}, "[truncated or unknown], length 3"},
		"empty":     {nil, "[truncated or unknown], length 0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := dissect.Line(&dissect.Packet{Time: when, Interface: "eth0", Link: 1, Direction: "In", Data: tt.data, Length: len(tt.data)})
			if diff := cmp.Diff(start+tt.want, got); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzLine(f *testing.F) {
	f.Add(uint16(1), build(f, eth, with(layers.IPProtocolTCP), &layers.TCP{SrcPort: 1}, gopacket.Payload("\x16\x03\x01\x00\x50\x01")))
	f.Add(uint16(101), build(f, with(layers.IPProtocolUDP), &layers.UDP{DstPort: 53}, &layers.DNS{Questions: []layers.DNSQuestion{{Name: []byte("a")}}}))
	f.Fuzz(func(t *testing.T, link uint16, data []byte) {
		line := dissect.Line(&dissect.Packet{Interface: string(data[:min(len(data), 4)]), Link: link, Data: data, Length: len(data)})
		if len(line) > 5000 || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("line %q", line)
		}
	})
}

func ExampleLine() {
	fmt.Println(dissect.Line(&dissect.Packet{Time: when, Interface: "lo", Link: 101, Direction: "In", Data: []byte{0x45}, Length: 1}))
	// Output: 03:04:05.678901 lo    In  [truncated or unknown], length 1
}
