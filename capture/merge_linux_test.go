package capture_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/capture"
	"dlx/capture/pcapng"
)

// TestMergeByTime: blocks of several interfaces come out as one row.
func TestMergeByTime(t *testing.T) {
	file := pcapng.AppendSection(nil, &pcapng.Section{})
	out := bytes.NewBuffer(file)
	stats, err := capture.NewMerger(block(3, 60, 0, 10), block(4, 60, 5, 10), block(0, 60, 0, 1)).Merge(out)
	if err != nil || stats.Captured != 7 {
		t.Fatalf("statistics %+v, error %v", stats, err)
	}
	type packet struct {
		Interface uint32
		Time      uint64
	}
	var got []packet
	for r := pcapng.NewReader(out); ; {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, packet{p.Interface, p.Time})
	}
	want := []packet{{0, 0}, {1, 5}, {0, 10}, {1, 15}, {0, 20}, {1, 25}, {1, 35}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packets (-want +got):\n%s", diff)
	}
}

func TestNoAllocationPerPacket(t *testing.T) {
	m := capture.NewMerger(block(80, 1400, 0, 1000), block(80, 1400, 0, 1000))
	allocs := testing.AllocsPerRun(50, func() {
		if _, err := m.Merge(io.Discard); err != nil {
			t.Error(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations for 160 packets, want none", allocs)
	}
}
