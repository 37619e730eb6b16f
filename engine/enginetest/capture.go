//go:build linux

package enginetest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/gopacket/gopacket/pcapgo"

	"dlx/engine"
	"dlx/internal/testutil"
)

// capture checks that the packets of a request inside the container's namespace come out as pcapng.
func (s *suite) capture(t *testing.T) {
	e := s.engine(t)
	image := testutil.Image(t, "web", testutil.Prog(t, "web"))
	c := testutil.Run(t, testutil.RunOptions{Image: image})
	untouched(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var file bytes.Buffer
	started := make(chan struct{})
	w := newWatcher(t, "\x0a\x0d\x0d\x0a", func() { close(started) }) // the section header is written when the sockets are open
	done := make(chan error, 1)
	var stats engine.CaptureStats
	go func() {
		var err error
		stats, err = e.Capture(ctx, engine.CaptureRequest{Target: c.ID, Interface: "lo", Filter: "tcp port 80", Count: 4}, w)
		done <- err
	}()
	select {
	case <-started:
	case err := <-done:
		t.Fatalf("capture ended early: %v", err)
	case <-time.After(limit):
		t.Fatal("capture does not begin")
	}
	sh(t, e, engine.DebugRequest{Target: c.ID}, "curl -s http://127.0.0.1/ >/dev/null")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	file.WriteString(w.String())
	r, err := pcapgo.NewNgReader(&file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for {
		data, _, err := r.ReadPacketData()
		if err != nil {
			break
		}
		if !bytes.Contains(data, []byte{127, 0, 0, 1, 127, 0, 0, 1}) {
			t.Errorf("packet % x is not from lo", data)
		}
		n++
	}
	if n != 4 || stats.Captured != 4 || stats.Dropped != 0 {
		t.Errorf("%d packets in the file, statistics %+v; want 4", n, stats)
	}
}
