package capture_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"dlx/capture"
	"dlx/capture/pcapng"
	"dlx/internal/testutil"
)

// TestGivenUpInOrder: the packets of a source that is given up wait for older ones of another, whose block is not full yet.
func TestGivenUpInOrder(t *testing.T) {
	stays, goes := namespace(t, ""), namespace(t, "")
	c, err := capture.New(capture.Options{RingSize: 4 << 20, Latency: time.Second, NoProcess: true, Compile: compile("udp dst port 9")})
	if err != nil {
		t.Fatal(err)
	}
	var removes []func()
	for _, enter := range []capture.Enter{goes, stays} {
		remove, err := c.Add(capture.Source{Enter: enter})
		if err != nil {
			t.Fatal(err)
		}
		removes = append(removes, remove)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	r := &running{t: t, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.stats, r.err = c.Run(ctx, r)
		r.err = errors.Join(r.err, c.Close())
	}()
	testutil.Wait(t, "the file's beginning", limit, func() bool { return r.size() > 0 })
	const each = 5
	for range each {
		send(t, stays, "127.0.0.1:9", 1, 0)
		send(t, goes, "127.0.0.1:9", 1, 0)
	}
	removes[0]()
	testutil.Wait(t, "all packets", limit, func() bool { return len(times(r.bytes())) == 2*each })
	cancel()
	<-r.done
	if r.err != nil {
		t.Fatal(r.err)
	}
	if got := times(r.bytes()); !slices.IsSorted(got) {
		t.Errorf("times of the packets: %d", got)
	}
}

// times are those of a file's packets.
func times(file []byte) (list []uint64) {
	for r := pcapng.NewReader(bytes.NewReader(file)); ; {
		p, err := r.Next()
		if err != nil {
			return list
		}
		list = append(list, p.Time)
	}
}
