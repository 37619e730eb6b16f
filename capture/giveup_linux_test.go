package capture_test

import (
	"slices"
	"testing"
	"time"

	"dlx/capture"
	"dlx/internal/testutil"
)

// TestGivenUpInOrder: the packets of a source that is given up wait for older ones of another,
// whose block is not full yet.
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
	r := run(t, c)
	const each = 5
	for range each {
		send(t, stays, "127.0.0.1:9", 1, 0)
		send(t, goes, "127.0.0.1:9", 1, 0)
	}
	removes[0]()
	testutil.Wait(t, "all packets", limit, func() bool { return len(times(r.bytes())) == 2*each })
	r.stop()
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
	for _, p := range soFar(file) {
		list = append(list, p.Time)
	}
	return list
}
