package capture_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"dlx/capture"
	"dlx/capture/pcapng"
	"dlx/capture/process"
)

// TestMergeByTime: blocks of several interfaces come out as one row.
func TestMergeByTime(t *testing.T) {
	var out bytes.Buffer
	stats, err := capture.NewMerger(block(3, 60, 0, 10), block(4, 60, 5, 10), block(0, 60, 0, 1)).Merge(&out)
	if err != nil || stats.Captured != 7 {
		t.Fatalf("statistics %+v, error %v", stats, err)
	}
	type packet struct {
		Interface uint32
		Time      uint64
	}
	var got []packet
	for _, p := range merged(t, &out) {
		got = append(got, packet{p.Interface, p.Time})
	}
	want := []packet{{0, 0}, {1, 5}, {0, 10}, {1, 15}, {0, 20}, {1, 25}, {1, 35}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packets (-want +got):\n%s", diff)
	}
}

func TestNoAllocationPerPacket(t *testing.T) {
	m := capture.NewMerger(block(80, 1400, 0, 1000), block(80, 1400, 0, 1000))
	to := capture.ToWriter(io.Discard)
	allocs := testing.AllocsPerRun(50, func() {
		if _, err := m.MergeTo(to); err != nil {
			t.Error(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations for 160 packets, want none", allocs)
	}
}

// mixture is a block of packets of several flows. Each seventh has a VLAN tag, each third goes out.
func mixture(n, size int) []byte {
	b := block(n, size, 0, 1000)
	for i := range n {
		setFlow(frameOf(b, i, size), uint16(i/5))
		h := b[header+i*stride(size):]
		if i%7 == 6 {
			h[20] |= 1 << 4 // TP_STATUS_VLAN_VALID
			h[32] = 100     // the tag
		}
		if i%3 == 0 {
			h[58] = 4 // PACKET_OUTGOING
		}
	}
	return b
}

// TestRuns: packets appended in one go are the same as those looked at one by one.
// So are the figures.
func TestRuns(t *testing.T) {
	for name, prepare := range map[string]func(m *capture.Merger){
		"no processes": func(*capture.Merger) {},
		"processes":    func(m *capture.Merger) { m.Own(&process.Process{PID: 4711, Inner: 1, Command: "web"}) },
	} {
		t.Run(name, func(t *testing.T) {
			var files [2]bytes.Buffer
			var stats [2]capture.Stats
			for i := range files {
				m := capture.NewMerger(mixture(6000, 74))
				if prepare(m); i == 1 {
					m.OneByOne()
				}
				var err error
				if stats[i], err = m.Merge(&files[i]); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(stats[1], stats[0]); diff != "" {
				t.Errorf("statistics (-one by one +in runs):\n%s", diff)
			}
			got, want := merged(t, &files[0]), merged(t, &files[1])
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("packets (-one by one +in runs):\n%s", diff)
			}
		})
	}
}

// merged are the packets that a Merger wrote.
func merged(t *testing.T, out io.Reader) []pcapng.Packet {
	t.Helper()
	packets, _ := readAll(t, inSection(out))
	return packets
}

// inSection puts the head of a section in front of a Merger's output, which begins with interfaces.
func inSection(out io.Reader) io.Reader {
	return io.MultiReader(bytes.NewReader(pcapng.AppendSection(nil, &pcapng.Section{})), out)
}

// told is a sink that checks what it is told of what it gets.
type told struct {
	t       *testing.T
	size    int
	packets uint64
	writes  int
}

func (w *told) Begin() error { return nil }

func (w *told) Blocks(p []byte, n, dropped uint64) error {
	got := uint64(0)
	for b := p; len(b) > 0; b = b[binary.LittleEndian.Uint32(b[4:]):] {
		if kind := binary.LittleEndian.Uint32(b); kind == 6 {
			got++
		}
	}
	if dropped != 0 {
		w.t.Errorf("%d packets are said to be lost", dropped)
	}
	if got != n {
		w.t.Errorf("%d packets, said to be %d", got, n)
	}
	if at := uintptr(unsafe.Pointer(unsafe.SliceData(p))); (at-uintptr(w.size))%4096 != 0 {
		w.t.Errorf("what goes to byte %d lies at %#x in memory", w.size, at)
	}
	w.size += len(p)
	w.packets += n
	w.writes++
	return nil
}

// TestWrites: a sink gets whole packets and knows how many; writes end just behind a multiple of
// their size, and lie in memory as they will in the file.
func TestWrites(t *testing.T) {
	const n = 20000
	for _, rings := range []int{1, 2} {
		var blocks [][]byte
		for range rings {
			blocks = append(blocks, mixture(n, 74))
		}
		m := capture.NewMerger(blocks...)
		w := &told{t: t}
		stats, err := m.MergeTo(w)
		if err != nil {
			t.Fatal(err)
		}
		if least := w.size/capture.WriteSize - 1; w.writes <= least || w.writes > least+2 {
			t.Errorf("%d rings: %d bytes in %d writes", rings, w.size, w.writes)
		}
		if stats.Bytes != uint64(w.size) || stats.Captured != uint64(rings*n) || w.packets != stats.Captured {
			t.Errorf("%d rings: statistics %+v, %d bytes and %d packets came", rings, stats, w.size, w.packets)
		}
	}
}
