package filter_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"dlx/capture/filter"
)

// randomExpr is a random expression. Its primitives shift nothing, so their order does not matter.
func randomExpr(r *rand.Rand, depth int) string {
	if depth > 0 && r.IntN(4) > 0 {
		switch r.IntN(5) {
		case 0:
			return "not (" + randomExpr(r, depth-1) + ")"
		case 1, 2:
			return "(" + randomExpr(r, depth-1) + " and " + randomExpr(r, depth-1) + ")"
		}
		return "(" + randomExpr(r, depth-1) + " or " + randomExpr(r, depth-1) + ")"
	}
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	switch r.IntN(10) {
	case 0:
		return one("ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6", "sctp", "igmp", "esp", "ipx", "atalk", "stp", "iso")
	case 1:
		return one("", "src ", "dst ", "src and dst ") + "host " + one("10.0.0.1", "10.0.0.2", "2001:db8::1", "10.0.1.1")
	case 2:
		return one("", "src ", "dst ") + "net " + one("10.0.0.0/24", "10.0", "2001:db8::/32", "10.1.0.0/16")
	case 3:
		return one("", "tcp ", "udp ") + one("", "src ", "dst ", "src and dst ") + "port " + one("80", "53", "443", "22")
	case 4:
		return one("tcp ", "udp ", "") + "portrange " + one("50-90", "1-1023", "60-60")
	case 5:
		return one("ether ", "ether src ", "ether dst ")[:5] + " host " + one("02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff")
	case 6:
		return one("ip[", "tcp[", "udp[", "icmp[", "ip6[", "ether[") + one("0", "2", "12", "13") + one("", ":2", ":4") + "]" +
			one(" & 0xf", " + 1", " * 2", " >> 4", " - 1", " % 3", " | 1", "") + one(" = ", " != ", " > ", " < ", " >= ", " <= ") + one("0", "2", "5", "64", "0x4500")
	case 7:
		return one("less ", "greater ") + one("60", "64", "100")
	case 8:
		return one("broadcast", "multicast", "ip multicast", "ip6 multicast", "llc", "llc s", "llc ui", "pppoed")
	}
	return one("ip proto 17", "ip6 proto 6", "proto 1", "ether proto 0x806", "len > 70", "ip[2:2] > len - 14", "1 = 1")
}

// programFor compiles for Ethernet; nil stands for what matches nothing.
func programFor(t *testing.T, expr string, plain bool) machine {
	t.Helper()
	p, err := filter.Compile(expr, filter.Options{Link: filter.Ethernet, NoOptimize: plain})
	if err != nil && strings.Contains(err.Error(), "no packet can match") {
		return machine{{Op: 6}}
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.Raw()
}

// TestLaws tests programs of random expressions: by the laws of logic, and optimized against plain.
func TestLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	frames := makeFrames(filter.Ethernet, 1000)
	for i := range frames { // a load beyond the end would decide
		frames[i] = append(frames[i], make([]byte, 200)...)
	}
	for range 1500 / every {
		a, b := randomExpr(r, 3), randomExpr(r, 3)
		laws := map[string]string{
			a:                                        "not (not (" + a + "))",
			fmt.Sprintf("(%s) and (%s)", a, b):       fmt.Sprintf("(%s) and (%s)", b, a),
			fmt.Sprintf("(%s) or (%s)", a, b):        fmt.Sprintf("(%s) or (%s)", b, a),
			fmt.Sprintf("not ((%s) and (%s))", a, b): fmt.Sprintf("not (%s) or not (%s)", a, b),
			fmt.Sprintf("not ((%s) or (%s))", a, b):  fmt.Sprintf("not (%s) and not (%s)", a, b),
		}
		for left, right := range laws {
			want := programFor(t, left, true)
			for what, m := range map[string]machine{"optimized": programFor(t, left, false), right: programFor(t, right, false)} {
				for _, f := range frames {
					w, _ := want.run(f, nil)
					if got, _ := m.run(f, nil); got != w {
						t.Fatalf("%q says %d of % x, but %s %d", left, w, f, what, got)
					}
				}
			}
		}
	}
}

// TestPrint prints trees and parses them again.
func TestPrint(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	list := readList(t, "expressions.txt")
	for range 500 {
		list = append(list, randomExpr(r, 4))
	}
	for _, expr := range list {
		samePrinted(t, expr)
	}
}

func samePrinted(t *testing.T, expr string) {
	t.Helper()
	tree, err := filter.Parse(expr)
	if err != nil {
		return
	}
	again, err := filter.Parse(tree.String())
	if err != nil {
		t.Errorf("%q is printed as %q: %v", expr, tree, err)
	} else if again.String() != tree.String() {
		t.Errorf("%q is printed as %q and then as %q", expr, tree, again)
	}
}

func FuzzParse(f *testing.F) {
	for i, file := range []string{"expressions.txt", "refused.txt"} {
		for n, expr := range readList(f, file) {
			if n%(4-i) == 0 {
				f.Add(expr)
			}
		}
	}
	f.Fuzz(func(t *testing.T, expr string) { samePrinted(t, expr) })
}

func FuzzCompile(f *testing.F) {
	for n, expr := range readList(f, "expressions.txt") {
		f.Add(expr, byte(n))
	}
	frames := map[filter.LinkType][][]byte{}
	for _, l := range filter.LinkTypes() {
		frames[l] = makeFrames(l, 20)
		frames[l] = append(frames[l], cutFrames(frames[l], 20)...)
	}
	f.Fuzz(func(t *testing.T, expr string, how byte) {
		opts := filter.Options{Link: filter.LinkTypes()[int(how)%len(filter.LinkTypes())], Extensions: filter.Extensions(how >> 4 & 3)}
		p, err := filter.Compile(expr, opts)
		if err != nil {
			checkError(t, expr, err)
			return
		}
		m := machine(p.Raw())
		if problem := kernelRefuses(m); problem != "" {
			t.Fatalf("%q: the kernel would refuse it: %s", expr, problem)
		}
		opts.NoOptimize = true
		plain, err := filter.Compile(expr, opts)
		if err != nil {
			return // too long, not optimized
		}
		for _, frame := range frames[opts.Link] {
			got, _ := m.run(frame, &metadata{})
			if want, _ := machine(plain.Raw()).run(frame, &metadata{}); got != want && len(frame) >= 300 {
				t.Fatalf("%q: %d for % x, not optimized %d", expr, got, frame, want)
			}
		}
	})
}
