package filter_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/bpf"

	"dlx/capture/filter"
	"dlx/internal/testutil"
)

// accepted are expressions over every form that is understood.
var accepted = func() []string {
	list := []string{
		"ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6",
		"host 10.0.0.1", "host 2001:db8::1", "ip host 10.0.0.2", "arp host 10.0.0.1", "rarp host 10.0.0.1",
		"ip6 host 2001:db8::1", "net 10.0.0.0/24", "net 10", "net 10.0", "net 10.0.0", "net 10.0.0.0/8", "net 10.0.0.1", "net 2001:db8::/32",
		"ip net 10.0.0.0/30", "arp net 10.0.0.0/24", "net 2001:db8::/127", "net 10.0.0.0/31", "src net 10.0.0.0/25", "dst net 2001:db8::/64",
		"port 80", "tcp port 80", "udp port 53", "sctp port 80", "portrange 50-100", "tcp portrange 1-80", "udp portrange 53-53",
		"ip proto 6", "ip6 proto 17", "proto 1", "proto 58", "ip proto 132",
		"ether host 02:00:00:00:00:01", "ether src 02:00:00:00:00:01", "ether dst 02:00:00:00:00:02", "ether src host 02:00:00:00:00:02",
		"less 60", "greater 60", "less 100", "greater 1000",
		"not tcp", "! udp", "not (not ip)", "tcp or udp", "tcp and port 80", "tcp && port 80", "tcp || icmp", "not (tcp or udp)",
		"tcp or udp and port 53", "tcp and udp or icmp", "icmp or tcp and not port 80", "(icmp or tcp) and not port 80",
		"port 80 or 53", "tcp port 80 or 443", "src host 10.0.0.1 or 10.0.0.2", "host 10.0.0.1 and 10.0.0.2", "port 80 or 53 or 443 and 1234",
		"host 10.0.0.1 and not port 80", "host 10.0.0.1 or not 10.0.0.2", "src 10.0.0.1", "dst 10.0.0.2", "src 2001:db8::1 and dst port 80",
		"arp or rarp or icmp6", "ip and not ip", "tcp and greater 100 and less 1000",
	}
	for _, dir := range []string{"src", "dst", "src or dst", "src and dst", "dst or src"} {
		for _, what := range []string{"host 10.0.0.1", "host 2001:db8::1", "net 10.0.0.0/24", "port 80", "portrange 50-90"} {
			list = append(list, dir+" "+what)
		}
		for _, t := range []string{"tcp", "udp", "sctp"} {
			list = append(list, t+" "+dir+" port 80", t+" "+dir+" portrange 53-80")
		}
		list = append(list, "ip "+dir+" host 10.0.0.1", "arp "+dir+" host 10.0.0.2", "ip6 "+dir+" net 2001:db8::/64", "ether "+dir+" host 02:00:00:00:00:01")
	}
	for _, a := range []string{"tcp", "port 80", "host 10.0.0.1", "ip6", "icmp"} {
		for _, b := range []string{"udp", "src port 53", "net 10.0.0.0/24", "arp"} {
			list = append(list, a+" and "+b, a+" or "+b, "not "+a+" and "+b, a+" or not "+b, "not ("+a+" and "+b+")")
		}
	}
	return list
}()

// refused are expressions that are not filters, or not of the part that is understood.
var refused = []string{
	"foo", "host", "host foo", "port", "port http", "port 65536", "port -1", "port 080", "net 10.0.0.1/24", "net 10/33", "and", "tcp and", "or tcp",
	"(tcp", "tcp)", "()", "not", "!", "&", "tcp & udp", "tcp port host", "icmp port 80", "ether port 80", "ether net 10", "host 10.0.0", "host 1.2.3.4/24",
	"portrange 80", "portrange 90-80", "less", "less x", "greater -5", "ip6 host 10.0.0.1", "ip host ::1", "tcp[13] == 2", "vlan", "vlan 100", "gateway foo",
	"ip proto \\tcp", "ether proto ip", "80", "10.0.0.1", "::1", "tcp 80", "host 10.0.0.1 or port", "src", "src tcp", "net 10.0.0.0 mask 255.0.0.0", "inbound", "len > 5",
	"host fe80::1%eth0", "net 0.0.0.0/0", "proto 256", "src proto 6", "host 10.0.0.1 10.0.0.2", "ether", "ether 02:00:00:00:00:01x", strings.Repeat("(", 200),
	strings.Repeat("not ", 200) + "tcp", "port 80 \x00", "ether host 0200.0000.0001",
}

func TestAgainstTcpdump(t *testing.T) {
	tcpdump := testutil.RequireTool(t, "tcpdump")
	for name, link := range map[string]filter.LinkType{"EN10MB": filter.Ethernet, "RAW": filter.Raw} {
		frames, short := makeFrames(link, 600)
		for _, expr := range accepted {
			want, ok := tcpdumpProgram(t, tcpdump, name, expr)
			got, err := filter.Compile(expr, link, 262144)
			if !ok {
				if err == nil && len(frames) > 0 && matchesAny(t, got, frames) {
					t.Errorf("%s: %q is refused by tcpdump and matches packets here", name, expr)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			compare(t, name+": "+expr, vm(t, got.Instructions()), frames, want)
			// A packet that ends inside a header is rejected by the first load beyond its end, and libpcap's optimizer leaves
			// loads out: there the verdict is that of the one program or of the other.
			plain, _ := tcpdumpProgram(t, tcpdump, name, expr, "-O")
			compare(t, name+": cut short: "+expr, vm(t, got.Instructions()), short, plain, want)
		}
	}
}

// compare checks that a program's verdict on each frame is that of one of the others.
func compare(t *testing.T, what string, got *bpf.VM, frames [][]byte, others ...*bpf.VM) {
	t.Helper()
	for _, f := range frames {
		verdict, err := got.Run(f)
		if err != nil {
			t.Fatalf("%s: run: %v", what, err)
		}
		same := false
		for _, other := range others {
			v, err := other.Run(f)
			if err != nil {
				t.Fatalf("%s: run: %v", what, err)
			}
			same = same || (v > 0) == (verdict > 0)
		}
		if !same {
			t.Errorf("%s: %d bytes % x: tcpdump disagrees with %d", what, len(f), f, verdict)
			return
		}
	}
}

func matchesAny(t *testing.T, p *filter.Program, frames [][]byte) bool {
	t.Helper()
	machine := vm(t, p.Instructions())
	for _, f := range frames {
		if n, err := machine.Run(f); err == nil && n > 0 {
			return true
		}
	}
	return false
}

func vm(t *testing.T, ins []bpf.Instruction) *bpf.VM {
	t.Helper()
	m, err := bpf.NewVM(ins)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// tcpdumpProgram is libpcap's program for an expression, false if it refuses it.
func tcpdumpProgram(t *testing.T, tcpdump, link, expr string, flags ...string) (*bpf.VM, bool) {
	t.Helper()
	out, err := exec.Command(tcpdump, append(flags, "-ddd", "-y", link, expr)...).Output()
	if err != nil {
		return nil, false
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	raw := make([]bpf.RawInstruction, len(lines)-1)
	for i, line := range lines[1:] {
		if _, err := fmt.Sscan(line, &raw[i].Op, &raw[i].Jt, &raw[i].Jf, &raw[i].K); err != nil {
			t.Fatal(err)
		}
	}
	ins, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatalf("program of %q has unknown instructions", expr)
	}
	return vm(t, ins), true
}

// makeFrames makes varied frames, the same ones each time: IPv4 with options and fragments, IPv6 with a fragment header,
// ARP, other EtherTypes, whole and cut short.
func makeFrames(link filter.LinkType, n int) (whole, short [][]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...int) int { return list[r.IntN(len(list))] }
	for range n {
		var f []byte
		kind := pick(0x0800, 0x0800, 0x0800, 0x86dd, 0x86dd, 0x0806, 0x8035, 0x8100, 0x1234)
		if link == filter.Ethernet {
			f = append(f, 2, 0, 0, 0, 0, byte(pick(1, 2, 3)), 2, 0, 0, 0, 0, byte(pick(1, 2, 3)))
			f = binary.BigEndian.AppendUint16(f, uint16(kind))
		}
		switch kind {
		case 0x0800:
			f = append(f, ipv4(r, pick)...)
		case 0x86dd:
			f = append(f, ipv6(r, pick)...)
		case 0x0806, 0x8035:
			f = append(f, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, byte(pick(1, 2, 3)), 2, 0, 0, 0, 0, 2, 10, 0, 0, byte(pick(1, 2, 3)))
		default:
			f = append(f, ipv4(r, pick)...)
		}
		f = append(f, make([]byte, pick(0, 4, 100, 1400))...)
		whole = append(whole, f)
		short = append(short, f[:1+r.IntN(min(len(f), 100))])
	}
	return whole, short
}

func ipv4(r *rand.Rand, pick func(...int) int) []byte {
	words := pick(5, 5, 6, 15)
	h := make([]byte, 4*words)
	h[0] = byte(0x40 | words)
	binary.BigEndian.PutUint16(h[6:], uint16(pick(0, 0, 0, 0x2000, 0x4000, 100, 0x2001)))
	h[9] = byte(pick(6, 6, 17, 17, 1, 132, 58, 50))
	copy(h[12:], []byte{10, byte(pick(0, 0, 1)), byte(pick(0, 0, 1)), byte(pick(1, 2, 3, 130))})
	copy(h[16:], []byte{10, byte(pick(0, 0, 1)), byte(pick(0, 0, 1)), byte(pick(1, 2, 3, 130))})
	return slices.Concat(h, transport(r, pick))
}

func ipv6(r *rand.Rand, pick func(...int) int) []byte {
	h := make([]byte, 40)
	h[0] = 0x60
	h[6] = byte(pick(6, 6, 17, 17, 58, 44, 0, 132))
	for _, off := range []int{8, 24} {
		copy(h[off:], []byte{0x20, 0x01, 0x0d, byte(pick(0xb8, 0xb8, 0xb9))})
		h[off+15] = byte(pick(1, 2, 3))
	}
	if h[6] == 44 {
		h = slices.Concat(h, []byte{byte(pick(6, 17, 58)), 0, 0, 0, 0, 0, 0, 1})
	}
	return slices.Concat(h, transport(r, pick))
}

func transport(_ *rand.Rand, pick func(...int) int) []byte {
	b := make([]byte, 20)
	binary.BigEndian.PutUint16(b, uint16(pick(80, 53, 443, 60, 90, 1234)))
	binary.BigEndian.PutUint16(b[2:], uint16(pick(80, 53, 443, 60, 90, 1234)))
	return b
}

func TestRefused(t *testing.T) {
	for _, expr := range refused {
		_, err := filter.Compile(expr, filter.Ethernet, 96)
		var ferr *filter.Error
		if !errors.As(err, &ferr) {
			t.Errorf("%.60q: error %v, want *filter.Error", expr, err)
			continue
		}
		if ferr.Pos < 0 || ferr.End < ferr.Pos || ferr.End > len(expr) || ferr.Hint() == "" || !strings.Contains(ferr.Caret(), "^") {
			t.Errorf("%.60q: place %d to %d", expr, ferr.Pos, ferr.End)
		}
	}
	if _, err := filter.Compile("ether host 02:00:00:00:00:01", filter.Raw, 96); err == nil {
		t.Error("ether on raw IP is accepted")
	}
}

func FuzzCompile(f *testing.F) {
	for _, expr := range append(accepted, refused...) {
		f.Add(expr)
	}
	frames, _ := makeFrames(filter.Ethernet, 5)
	f.Fuzz(func(t *testing.T, expr string) {
		p, err := filter.Compile(expr, filter.Ethernet, 96)
		if err != nil {
			return
		}
		m := vm(t, p.Instructions())
		for _, frame := range frames {
			if _, err := m.Run(frame); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := filter.Compile("tcp port 80 and host 10.0.0.1", filter.Ethernet, 262144); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleCompile() {
	p, err := filter.Compile("tcp port 80", filter.Ethernet, 262144)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(p.Raw()), "instructions for", p.Expr())
	// Output: 22 instructions for tcp port 80
}
