package dissect_test

import (
	"crypto/tls"
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
	"dlx/capture/linktype"
)

func TestClock(t *testing.T) {
	times := []time.Time{when, when.Add(1500 * time.Millisecond), when.Add(500 * time.Millisecond), when.Add(25 * time.Hour)}
	tests := map[dissect.Clock][]string{
		dissect.Local:      {"03:04:05.678901", "03:04:07.178901", "03:04:06.178901", "04:04:05.678901"},
		dissect.NoClock:    {"", "", "", ""},
		dissect.Unix:       {"1767323045.678901", "1767323047.178901", "1767323046.178901", "1767413045.678901"},
		dissect.SinceLast:  {" 00:00:00.000000", " 00:00:01.500000", "-00:00:01.000000", " 24:59:59.500000"},
		dissect.Date:       {"2026-01-02 03:04:05.678901", "2026-01-02 03:04:07.178901", "2026-01-02 03:04:06.178901", "2026-01-03 04:04:05.678901"},
		dissect.SinceFirst: {" 00:00:00.000000", " 00:00:01.500000", " 00:00:00.500000", " 25:00:00.000000"},
	}
	for clock, want := range tests {
		p := dissect.New(dissect.Options{Clock: clock})
		var got []string
		for _, at := range times {
			text := p.Text(&dissect.Packet{Time: at, Link: linktype.Raw, Data: []byte{0x45}, Length: 1})
			before, _, _ := strings.Cut(text, "IP ")
			got = append(got, strings.TrimSuffix(before, " "))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("clock %d (-want +got):\n%s", clock, diff)
		}
	}
}

// TestLinkTypes prints the same datagram behind every kind of header.
func TestLinkTypes(t *testing.T) {
	ip := build(t, append(over4(layers.IPProtocolUDP)[1:], &layers.UDP{SrcPort: 1, DstPort: 2})...)
	tests := map[uint16]struct{ head, want string }{
		linktype.Null:      {"\x02\x00\x00\x00", "IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 0"},
		linktype.Loop:      {"\x00\x00\x00\x02", "IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 0"},
		linktype.Raw:       {"", "IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 0"},
		linktype.IPv4:      {"", "IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 0"},
		linktype.LinuxSLL:  {"\x00\x04\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00\x08\x00", "Out IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 0"},
		linktype.LinuxSLL2: {"\x08\x00\x00\x00\x00\x00\x00\x02\x00\x01\x01\x06\x02\x00\x00\x00\x00\x01\x00\x00", "B   IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 0"},
		147:                {"", "link type 147, length 28"},
	}
	for link, tt := range tests {
		data := append([]byte(tt.head), ip...)
		got := dissect.New(dissect.Options{Clock: dissect.NoClock}).Text(&dissect.Packet{Link: link, Data: data, Length: len(data)})
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("link type %d (-want +got):\n%s", link, diff)
		}
	}
}

// clientHello is what Go's own client begins with.
func clientHello(t testing.TB) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		defer theirs.Close()
		_ = tls.Client(theirs, &tls.Config{ServerName: "shop.example.org", NextProtos: []string{"h2", "http/1.1"}}).Handshake()
	}()
	buf := make([]byte, 4096)
	n, err := ours.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// TestClientHello prints what Go's own TLS client begins with.
func TestClientHello(t *testing.T) {
	f := build(t, append(over4(layers.IPProtocolTCP), &layers.TCP{SrcPort: 40000, DstPort: 443, ACK: true}, gopacket.Payload(clientHello(t)))...)
	text := dissect.New(dissect.Options{}).Text(&dissect.Packet{Link: linktype.Ethernet, Data: f, Length: len(f)})
	if !strings.HasSuffix(text, ": TLS: ClientHello shop.example.org (h2, http/1.1)") {
		t.Errorf("printed %q", text)
	}
}

// TestManyConversations is bounded in what it remembers.
func TestManyConversations(t *testing.T) {
	p := dissect.New(dissect.Options{})
	f := build(t, append(over4(layers.IPProtocolTCP), &layers.TCP{Seq: 1, Ack: 1, ACK: true})...)
	k := dissect.Packet{Link: linktype.Ethernet, Data: f, Length: len(f)}
	for i := range 200_000 {
		f[34], f[35], f[26] = byte(i), byte(i>>8), byte(i>>16)
		p.Text(&k)
	}
	if n := p.Remembered(); n > 1<<16 {
		t.Errorf("%d conversations are remembered", n)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range append(frames(f), more(f)...) {
		f.Add(uint16(1), uint8(len(s.name)), s.data)
	}
	f.Add(uint16(276), uint8(0), build(f, append(over4(layers.IPProtocolUDP)[1:], &layers.UDP{DstPort: 53}, gopacket.Payload("abc"))...))
	f.Fuzz(func(t *testing.T, link uint16, mode uint8, data []byte) {
		o := dissect.Options{Verbose: int(mode & 3), Link: mode&4 != 0, Quick: mode&8 != 0, Dump: dissect.Dump(mode >> 5 % 7)}
		name := string(data[:min(len(data), 6)])
		text := dissect.New(o).Text(&dissect.Packet{Container: name, Process: name, Interface: name, Link: link, Data: data, Length: len(data)})
		lines := strings.Split(text, "\n")
		for _, line := range lines {
			bad := func(r rune) bool { return r != '\t' && !unicode.IsPrint(r) }
			if strings.ContainsFunc(line, bad) {
				t.Errorf("line %q", line)
			}
		}
		if o.Dump == dissect.NoDump && (len(lines) > 300 || len(text) > 300*5000) {
			t.Errorf("%d lines of %d bytes", len(lines), len(text))
		}
	})
}

func BenchmarkText(b *testing.B) {
	list := frames(b)
	p := dissect.New(dissect.Options{})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f := list[i%len(list)]
		p.Text(&dissect.Packet{Time: when, Interface: "eth0", Direction: "In", Link: linktype.Ethernet, Data: f.data, Length: len(f.data)})
	}
}

func ExamplePrinter_Text() {
	p := dissect.New(dissect.Options{Process: true})
	ip := []byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2, 0, 8, 0, 0}
	fmt.Println(p.Text(&dissect.Packet{
		Time: time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC), Container: "web", Process: "nginx/7",
		Interface: "tun0", Direction: "In", Link: linktype.Raw, Data: ip, Length: len(ip),
	}))
	// Output: 03:04:05.678901 web      nginx/7      tun0  In  IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 0
}
