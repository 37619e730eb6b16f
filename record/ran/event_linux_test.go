package ran_test

import (
	"bytes"
	"testing"

	"dlx/record/ran"
)

// FuzzEvent: nothing that the ring could hold makes a reader fail.
func FuzzEvent(f *testing.F) {
	started := make([]byte, 120)
	started[16], started[40], started[44], started[48], started[52], started[56] = 1, 20, 9, 5, 5, 4
	copy(started[80:], "/x/y\x00/bin\x00abc\x00a\x00\x00bcdef")
	ended := make([]byte, 32)
	ended[16] = 2
	f.Add(started)
	f.Add(ended)
	f.Add(bytes.Repeat([]byte{0xff}, 90))
	f.Fuzz(func(_ *testing.T, b []byte) { ran.ParseEvent(b) })
}
