package attribution

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/net/bpf"

	"dlx/capture/process"
)

// ip4 is an IPv4 packet from 10.0.0.1 to 10.0.0.2 with so many bytes of options.
func ip4(protocol byte, options int, fragment uint16, next []byte) []byte {
	b := make([]byte, ip4Header+options, ip4Header+options+len(next))
	b[0], b[ip4Protocol] = 0x40|byte(len(b)/4), protocol
	binary.BigEndian.PutUint16(b[ip4Fragment:], fragment)
	copy(b[ip4Ends:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	return append(b, next...)
}

// ip6 is an IPv6 packet.
func ip6(protocol byte, from, to string, next []byte) []byte {
	b := make([]byte, ip6Header, ip6Header+len(next))
	b[0], b[ip6Next] = 0x60, protocol
	copy(b[ip6Ends:], netip.MustParseAddr(from).AsSlice())
	copy(b[ip6Ends+16:], netip.MustParseAddr(to).AsSlice())
	return append(b, next...)
}

func ports(from, to uint16) []byte {
	b := make([]byte, 8)
	binary.BigEndian.PutUint16(b, from)
	binary.BigEndian.PutUint16(b[2:], to)
	return b
}

func segment(to uint16, flags byte) []byte {
	b := append(ports(1000, to), make([]byte, 12)...)
	b[tcpFlags] = flags
	return b
}

// flowTests are IP packets with their flow as a packet that goes out, and whether the tap wants
// them.
var flowTests = map[string]struct {
	data         []byte
	want         string // local and remote end
	begins, taps bool
}{
	"udp":            {ip4(17, 0, 0, ports(1000, 2000)), "10.0.0.1:1000 10.0.0.2:2000", false, false},
	"udp, options":   {ip4(17, 8, 0, ports(1000, 2000)), "10.0.0.1:1000 10.0.0.2:2000", false, false},
	"first fragment": {ip4(17, 0, 0x2000, ports(1000, 53)), "10.0.0.1:1000 10.0.0.2:53", false, true},
	"later fragment": {ip4(17, 0, 0x2001, ports(1000, 53)), "", false, false},
	"question":       {ip4(17, 4, 0, ports(1000, 53)), "10.0.0.1:1000 10.0.0.2:53", false, true},
	"answer":         {ip4(17, 0, 0, ports(53, 1000)), "10.0.0.1:53 10.0.0.2:1000", false, false},
	"syn":            {ip4(6, 0, 0, segment(80, 2)), "10.0.0.1:1000 10.0.0.2:80", true, true},
	"syn, options":   {ip4(6, 40, 0, segment(80, 0x12)), "10.0.0.1:1000 10.0.0.2:80", true, true},
	"ack":            {ip4(6, 0, 0, segment(53, 0x10)), "10.0.0.1:1000 10.0.0.2:53", false, false},
	"cut tcp":        {ip4(6, 0, 0, segment(80, 2)[:4]), "10.0.0.1:1000 10.0.0.2:80", false, false},
	"icmp":           {ip4(1, 0, 0, ports(8, 0)), "", false, false},
	"no ports":       {ip4(17, 0, 0, []byte{1, 2, 3}), "", false, false},
	"short header":   {[]byte{0x44, 0, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 2, 3, 4}, "", false, false},
	"udp6":           {ip6(17, "2001:db8::1", "2001:db8::2", ports(1000, 2000)), "[2001:db8::1]:1000 [2001:db8::2]:2000", false, false},
	"question6":      {ip6(17, "2001:db8::1", "2001:db8::2", ports(1000, 53)), "[2001:db8::1]:1000 [2001:db8::2]:53", false, true},
	"syn6":           {ip6(6, "2001:db8::1", "2001:db8::2", segment(80, 2)), "[2001:db8::1]:1000 [2001:db8::2]:80", true, true},
	"ack6":           {ip6(6, "fe80::1", "fe80::2", segment(80, 16)), "[fe80::1]:1000 [fe80::2]:80", false, false},
	"hop-by-hop":     {ip6(0, "2001:db8::1", "2001:db8::2", segment(80, 2)), "", false, false},
	"cut6":           {ip6(17, "2001:db8::1", "2001:db8::2", nil)[:39], "", false, false},
	"version 5":      {append([]byte{0x55}, make([]byte, 60)...), "", false, false},
	"empty":          {nil, "", false, false},
}

func TestParseFlow(t *testing.T) {
	for name, tt := range flowTests {
		t.Run(name, func(t *testing.T) {
			var out, in flowKey
			begins, ok := parseFlow(tt.data, true, 3, &out)
			_, okIn := parseFlow(tt.data, false, 3, &in)
			if begins != tt.begins || ok != (tt.want != "") || okIn != ok {
				t.Fatalf("begins %t, a flow %t and %t", begins, ok, okIn)
			}
			if !ok {
				return
			}
			for outgoing, k := range map[bool]*flowKey{true: &out, false: &in} {
				if ends, ports, ok := parseCommon(tt.data, outgoing); ok && (ends != k.ends || ports != k.ports) {
					t.Errorf("in less time %x %x, want %x %x", ends, ports, k.ends, k.ports)
				}
			}
			f := out.flow()
			if got := f.Local.String() + " " + f.Remote.String(); got != tt.want {
				t.Errorf("flow %s, want %s", got, tt.want)
			}
			if local := f.Local.Addr().IsLinkLocalUnicast(); local != (f.Interface == 3) {
				t.Errorf("interface %d of %v", f.Interface, f)
			}
			want := f
			want.Local, want.Remote = f.Remote, f.Local
			if diff := cmp.Diff(want, in.flow(), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
				t.Errorf("the other way (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBeginnings(t *testing.T) {
	program, ok := bpf.Disassemble(beginnings)
	if !ok {
		t.Fatal("the program can not be read")
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range flowTests {
		if len(tt.data) == 0 || tt.data[0] == 0x44 {
			continue // the kernel has looked at the header's length
		}
		if n, err := vm.Run(tt.data); err != nil || (n > 0) != tt.taps {
			t.Errorf("%s: the tap takes %d bytes, %v", name, n, err)
		}
	}
}

// FuzzParseFlow: both ways see the same ends, and a key is good for a slot.
func FuzzParseFlow(f *testing.F) {
	for _, tt := range flowTests {
		f.Add(tt.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var out, in flowKey
		begins, ok := parseFlow(data, true, 1, &out)
		if _, _, common := parseCommon(data, true); common && !ok {
			t.Fatal("a flow in less time only")
		}
		if _, okIn := parseFlow(data, false, 1, &in); ok != okIn {
			t.Fatalf("a flow one way only")
		}
		if !ok {
			return
		}
		a, b := out.flow(), in.flow()
		if a.Local != b.Remote || a.Remote != b.Local || a.Protocol != b.Protocol || a.Protocol != process.TCP && a.Protocol != process.UDP {
			t.Errorf("flows %v and %v", a, b)
		}
		for outgoing, k := range map[bool]*flowKey{true: &out, false: &in} {
			if ends, ports, ok := parseCommon(data, outgoing); ok && (ends != k.ends || ports != k.ports || begins) {
				t.Errorf("in less time %x %x, begins %t; want %x %x", ends, ports, begins, k.ends, k.ports)
			}
		}
	})
}
