package ran_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"dlx/internal/printable"
	"dlx/record/audit"
	"dlx/record/ran"
)

// FuzzEvent: nothing that the ring could hold makes a reader fail, or takes more of the record than
// it is taken to.
func FuzzEvent(f *testing.F) {
	started := make([]byte, 120)
	started[16], started[40], started[44], started[48], started[52], started[56] = 1, 20, 9, 5, 5, 4
	copy(started[80:], "/x/y\x00/bin\x00abc\x00a\x00\x00bcdef")
	ended := make([]byte, 32)
	ended[16] = 2
	f.Add(started)
	short := bytes.Clone(started)
	short[44] = 200 // bytes of arguments, that are not there
	f.Add(short)
	control := append(bytes.Clone(started[:80]), bytes.Repeat([]byte{1}, 4096)...)
	control[44], control[45] = 0xf2, 0x0f
	f.Add(control)
	f.Add(ended)
	f.Add(bytes.Repeat([]byte{0xff}, 90))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, size := ran.Size(b)
		if size == 0 {
			return
		}
		code := 255
		p.Status = &audit.Status{End: time.Date(2026, 12, 31, 23, 59, 59, 999999999, time.UTC), Exit: &code}
		text, err := json.Marshal(p)
		if line := printable.JSON(text); err != nil || len(line) > size {
			t.Errorf("%d bytes, %d were thought to be enough: %s", len(line), size, line)
		}
	})
}
