package capture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/capture"
	"dlx/capture/pcapng"
	"dlx/capture/process"
	"dlx/internal/testutil"
)

// between is an IP packet from one address to another: of UDP, or a fragment, which has no ports.
func between(from, to string, fragment bool) []byte {
	src, dst := netip.MustParseAddr(from), netip.MustParseAddr(to)
	udp := []byte{0x30, 0x39, 0, 9, 0, 8, 0, 0}
	if src.Is6() {
		h := []byte{0x60, 0, 0, 0, 0, 8, process.UDP, 64}
		return ethernet(slices.Concat(h, src.AsSlice(), dst.AsSlice(), udp), 0x86dd)
	}
	h := []byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, process.UDP, 0, 0}
	if fragment {
		h[7] = 7
	}
	return ethernet(slices.Concat(h, src.AsSlice(), dst.AsSlice(), udp), 0x800)
}

// asking is an ARP request.
func asking(from, to string) []byte {
	src, dst := netip.MustParseAddr(from), netip.MustParseAddr(to)
	head := []byte{0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1}
	return ethernet(slices.Concat(head, src.AsSlice(), make([]byte, 6), dst.AsSlice()), 0x806)
}

// named reads a file and returns the addresses for which it had names, in the order of packets.
// Names come behind the interface of the packet that they come with.
func named(t *testing.T, file []byte, all []string) (list []string) {
	t.Helper()
	r := pcapng.NewReader(bytes.NewReader(file))
	interfaces := 0
	for {
		b, err := r.NextBlock()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		switch b.Kind {
		case 1:
			interfaces++
		case 4:
			if interfaces == 0 {
				t.Error("names come before interfaces")
			}
		}
		for _, a := range all {
			if names := r.Names(netip.MustParseAddr(a)); len(names) > 0 && !slices.Contains(list, a+" "+names[0]) {
				list = append(list, a+" "+names[0])
			}
		}
	}
}

// TestNames: the file has names of the source's own addresses and of its packets', and no others.
// Each stands before the first packet that has it, or comes as soon as it is known.
func TestNames(t *testing.T) {
	all := []string{"192.0.2.7", "192.0.2.8", "192.0.2.9", "192.0.2.10", "192.0.2.11", "192.0.2.12", "2001:db8::8", "2001:db8::9", "192.0.2.13"}
	var names []pcapng.Name
	for _, a := range all[1:] {
		names = append(names, pcapng.Name{Address: netip.MustParseAddr(a), Names: []string{"c" + a[len(a)-1:]}})
	}
	packets := [][]byte{
		between(all[0], "192.0.2.8", false), between("192.0.2.9", all[0], true), asking("192.0.2.10", "192.0.2.11"),
		between("2001:db8::7", "2001:db8::8", false), between(all[0], "192.0.2.12", false),
	}
	known := []string{"192.0.2.7 web", "192.0.2.8 c8", "192.0.2.9 c9", "192.0.2.10 c0", "192.0.2.11 c1", "2001:db8::8 c8"}
	for name, o := range map[string]capture.Options{"processes": {}, "no processes": {NoProcess: true}, "no names": {NoNames: true}} {
		t.Run(name, func(t *testing.T) {
			enter := namespace(t, veth+"\nip addr add 192.0.2.7/24 dev v0")
			o.Interface = "v0"
			c := open(t, enter, o)
			c.Name(slices.DeleteFunc(slices.Clone(names), func(n pcapng.Name) bool { return n.Address == netip.MustParseAddr("192.0.2.12") })...)
			r := run(t, c)
			for i, p := range packets {
				sendFrames(t, enter, "v0", p, 2)
				testutil.Wait(t, "the packet", limit, func() bool { return bytes.Count(r.bytes(), p) == 2 })
				want := known[:[]int{2, 3, 5, 6, 6}[i]]
				if o.NoNames {
					want = nil
				}
				if diff := cmp.Diff(want, named(t, r.bytes(), all)); diff != "" {
					t.Errorf("names after packet %d (-want +got):\n%s", i+1, diff)
				}
			}
			c.Name(names...)
			testutil.Wait(t, "a packet behind a name that came late", limit, func() bool {
				sendFrames(t, enter, "v0", packets[1], 1)
				return o.NoNames || bytes.Contains(r.bytes(), []byte("c2\x00"))
			})
			r.stop()
			<-r.done
			if r.err != nil {
				t.Fatal(r.err)
			}
			want := append(slices.Clone(known), "192.0.2.12 c2")
			if o.NoNames {
				want = nil
			}
			if diff := cmp.Diff(want, named(t, r.bytes(), all)); diff != "" {
				t.Errorf("names at the end (-want +got):\n%s", diff)
			}
			if n := bytes.Count(r.bytes(), []byte("c8\x00")); !o.NoNames && n != 2 {
				t.Errorf("two names come %d times", n)
			}
		})
	}
}

// TestNamesWithoutPackets: the source's own addresses are named all the same.
func TestNamesWithoutPackets(t *testing.T) {
	enter := namespace(t, veth+"\nip addr add 192.0.2.7/24 dev v0")
	r := start(t, enter, capture.Options{Interface: "v0", Compile: compile("udp dst port 9")})
	r.stop()
	if <-r.done; r.err != nil {
		t.Fatal(r.err)
	}
	if diff := cmp.Diff([]string{"192.0.2.7 web"}, named(t, r.bytes(), []string{"192.0.2.7"})); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// readMerged reads what a merger makes of its packets.
func readMerged(t *testing.T, m *capture.Merger) *pcapng.Reader {
	t.Helper()
	var out bytes.Buffer
	if _, err := m.Merge(&out); err != nil {
		t.Fatal(err)
	}
	return pcapng.NewReader(inSection(&out))
}

// TestNamesOfSections: a section that follows another has the names that this one had.
func TestNamesOfSections(t *testing.T) {
	const n, size = capture.MaxInterfaces + 2, 74
	mem := block(n, size, 0, 1000)
	for i := range n {
		setFlow(frameOf(mem, i, size), 0)
		binary.NativeEndian.PutUint32(mem[header+i*stride(size)+52:], uint32(i)) // sll_ifindex
	}
	m := capture.NewMerger(mem)
	m.Own(&process.Process{PID: 4711, Inner: 1, Command: "web"})
	m.Name(n, pcapng.Name{Address: netip.MustParseAddr("10.0.0.2"), Names: []string{"db"}})
	r := readMerged(t, m)
	for i := range n {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"db"}, r.Names(netip.MustParseAddr("10.0.0.2"))); diff != "" {
			t.Fatalf("names at packet %d (-want +got):\n%s", i+1, diff)
		}
	}
}

// TestNamesInRuns: packets that are appended in one go have the names in front of them too.
func TestNamesInRuns(t *testing.T) {
	const n, size, first = 10, 74, 5
	for _, processes := range []bool{false, true} {
		mem := block(n, size, 0, 1000)
		for i := range n {
			setFlow(frameOf(mem, i, size), uint16(i/2))
		}
		frameOf(mem, first, size)[33] = 9 // 10.0.0.9
		m := capture.NewMerger(mem)
		if processes {
			m.Own(&process.Process{PID: 4711, Inner: 1, Command: "web"})
		}
		m.Name(1, pcapng.Name{Address: netip.MustParseAddr("10.0.0.9"), Names: []string{"db"}})
		r := readMerged(t, m)
		for i := range n {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
			if names := r.Names(netip.MustParseAddr("10.0.0.9")); (len(names) > 0) != (i >= first) {
				t.Errorf("processes %v: names at packet %d: %q", processes, i, names)
			}
		}
	}
}
