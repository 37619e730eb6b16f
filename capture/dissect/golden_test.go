package dissect_test

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"dlx/capture/dissect"
	"dlx/capture/linktype"
)

var update = flag.Bool("update", false, "write the golden files anew")

// more are frames that dlx says more of than tcpdump, or in other words.
func more(t testing.TB) []frame {
	t.Helper()
	segment := func(payload string) []byte {
		return build(t, append(over4(layers.IPProtocolTCP), &layers.TCP{SrcPort: 40000, DstPort: 8000, Seq: 7, Ack: 9, PSH: true, ACK: true, Window: 100}, gopacket.Payload(payload))...)
	}
	datagram := func(port layers.UDPPort, payload gopacket.Payload) []byte {
		return build(t, append(over4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 50000, DstPort: port}, payload)...)
	}
	inner := gopacket.Payload(build(t, append(over4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 1, DstPort: 2})...))
	return []frame{
		{"http request", segment("GET /x?y=1 HTTP/1.1\r\nHost: shop\r\nUser-Agent: curl\r\n\r\n")},
		{"http status", segment("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")},
		{"hostile http", segment("GET /\x1b[2J\x07\xff\u202e HTTP/1.1\r\n\r\n")},
		{"tls", segment("\x16\x03\x01\x00\x50\x01\x00\x00\x4c\x03\x03" + strings.Repeat("r", 32) + "\x00\x00\x02\x13\x01\x01\x00\x00\x2c" +
			"\x00\x00\x00\x15\x00\x13\x00\x00\x10shop.example.org" + "\x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.1")},
		{"tls answer", segment("\x16\x03\x03\x00\x40\x02\x00\x00\x3c\x03\x03")},
		{"hostile tls", segment("\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03" + strings.Repeat("r", 32) + "\x00\x00\x00\x00\x00\x14\x00\x00\x00\x0c\x00\x0a\x00\x00\x07a\x1b]0;x\x07")},
		{"vxlan", datagram(4789, append(gopacket.Payload{8, 0, 0, 0, 0, 0, 7, 0}, inner...))},
		{"geneve", datagram(6081, append(gopacket.Payload{0, 0, 0x65, 0x58, 0, 0, 7, 0}, inner...))},
		{"dhcp6", datagram(547, gopacket.Payload{1, 0, 0, 7})},
		{"mpls", build(t, ether(0x8847), gopacket.Payload{0, 1, 0x20, 64, 0, 2, 0x31, 63}, inner[14:])},
		{"pppoe", build(t, ether(0x8864), gopacket.Payload{0x11, 0, 0, 5, 0, 30, 0, 0x21}, inner[14:])},
		{"stp", build(t, &layers.Ethernet{SrcMAC: mac1, DstMAC: mac2, Length: 38}, raw(t, "424203 0000 00 00 00 8000 020000000001 00000000 8000 020000000001 8001 0000 1400 0200 0f00"))},
		{"snap", build(t, &layers.Ethernet{SrcMAC: mac1, DstMAC: mac2, Length: 36}, raw(t, "aaaa03 000000 0800"), inner[14:])},
		{"llc", build(t, &layers.Ethernet{SrcMAC: mac1, DstMAC: mac2, Length: 5}, raw(t, "f0f0030102"))},
		{"rarp", build(t, ether(0x8035), arpOf(3, ip1, mac2, ip2))},
		{"rarp reply", build(t, ether(0x8035), arpOf(4, ip1, mac2, ip2))},
		{"vrrp", build(t, append(over4(112), raw(t, "31076401 00640000 0a000001"))...)},
		{"sctp", build(t, append(over4(layers.IPProtocolSCTP), raw(t, "03e807d0 00000000 00000000 01000014 00000001 00010000 00010001 00000001 0300 0001"))...)},
		{"ah", build(t, append(over4(layers.IPProtocolAH), raw(t, "1104 0000 00000100 00000007 0011223344556677 8899aabb 0001 0002 0008 0000"))...)},
		{"routing header", build(t, append(over6(layers.IPProtocolIPv6Routing), raw(t, "11020001 00000000 20010db8000000000000000000000003 0001000200080000"))...)},
		{"report 2", build(t, append(over6(layers.IPProtocolICMPv6), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(143, 0)}, raw(t, "00000001 04000000 ff020000000000000000000000000001"))...)},
		{"listener", build(t, append(over6(layers.IPProtocolICMPv6), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(131, 0)}, raw(t, "00000000 ff020000000000000000000000000001"))...)},
		{"redirect", build(t, append(over6(layers.IPProtocolICMPv6), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(137, 0)}, raw(t, "00000000 fe800000000000000000000000000001 20010db8000000000000000000000009"))...)},
		{"router advertisement", build(t, append(over6(layers.IPProtocolICMPv6), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(134, 0)},
			raw(t, "40000708 00000000 00000000 0101020000000001 0501000000000578 030440c000000e1000000708 00000000 20010db8000000000000000000000000 1903000000000e10 20010db8000000000000000000000035"))...)},
		{"ip over ip", build(t, append(over4(layers.IPProtocolIPv4), nested(t, 12))...)},
		{"empty", nil},
		{"one byte", []byte{1}},
		{"header only", build(t, ether(layers.EthernetTypeIPv4))[:14]},
	}
}

// nested is IP in IP, so many times.
func nested(t testing.TB, depth int) gopacket.Payload {
	t.Helper()
	var list []gopacket.SerializableLayer
	for range depth {
		list = append(list, over4(layers.IPProtocolIPv4)[1])
	}
	return build(t, list...)
}

// TestGolden compares what is printed with testdata/NAME.txt.
func TestGolden(t *testing.T) {
	all := append(frames(t), more(t)...)
	names := &dissect.Names{
		Host: func(a netip.Addr) string {
			return map[string]string{"10.0.0.1": "web", "2001:db8::2": "db"}[a.String()]
		},
		Service: func(port uint16, _ uint8) string { return map[uint16]string{53: "domain", 8090: "shop"}[port] },
	}
	tests := map[string]dissect.Options{
		"plain":   {},
		"quick":   {Quick: true, Process: true},
		"named":   {Names: names, Link: true},
		"verbose": {Verbose: 3, Absolute: true, Dump: dissect.Both},
	}
	for name, o := range tests {
		t.Run(name, func(t *testing.T) {
			p := dissect.New(o)
			var b strings.Builder
			for i, f := range all {
				k := &dissect.Packet{Time: when.Add(time.Duration(i) * time.Millisecond), Container: "web", Interface: "eth0", Direction: "In", Link: linktype.Ethernet, Data: f.data, Length: len(f.data)}
				if i%2 == 0 {
					k.Process = "nginx/7"
				}
				b.WriteString("# " + f.name + "\n" + p.Text(k) + "\n")
			}
			file := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("printed (-want +got):\n%s", diff)
			}
		})
	}
}
