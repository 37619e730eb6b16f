package capture

import (
	"testing"

	"dlx/internal/linux"
)

// TestHandoverTimes: the ring's packets that the queue had are left out, as are those from before
// it that the ring begins with. Nothing later is left out, though the clock is set back.
func TestHandoverTimes(t *testing.T) {
	frame := func(time uint64) *linux.Frame { return &linux.Frame{Time: time, Length: 60} }
	for name, tt := range map[string]struct {
		ring []uint64
		had  []bool
	}{
		"both":                  {[]uint64{100, 101, 102, 103}, []bool{true, true, true, false}},
		"from before":           {[]uint64{40, 50, 101, 102, 103}, []bool{true, true, true, true, false}},
		"the clock is set back": {[]uint64{50, 101, 102, 7, 8}, []bool{true, true, true, false, false}},
		"set back after them":   {[]uint64{103, 7}, []bool{false, false}},
	} {
		h := &handover{both: map[arrival]int{}}
		for _, time := range []uint64{100, 101, 102} {
			h.note(frame(time))
		}
		for i, time := range tt.ring {
			if got := h.had(frame(time)); got != tt.had[i] {
				t.Errorf("%s: the ring's packet of %d: had %v, want %v", name, time, got, tt.had[i])
			}
		}
	}
}
