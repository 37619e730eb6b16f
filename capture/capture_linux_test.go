package capture_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"dlx/capture"
	"dlx/capture/pcapng"
)

func TestLoopback(t *testing.T) {
	enter := namespace(t, "")
	r := start(t, enter, capture.Options{Interface: "lo", Compile: compile("udp dst port 9"), Filter: "udp dst port 9"})
	send(t, enter, "127.0.0.1:9", 50, 0)
	send(t, enter, "127.0.0.1:10", 50, 0)
	packets, names := r.end()
	if len(packets) != 50 || r.stats.Captured != 50 || r.stats.Received != 50 || r.stats.Dropped != 0 {
		t.Fatalf("%d packets, statistics %+v; want each of 50 once", len(packets), r.stats)
	}
	for i, p := range packets {
		if want := fmt.Sprintf("number %04d ", i); names[i] != "lo" || !bytes.Contains(p.Data, []byte(want)) || int(p.Length) != len(p.Data) {
			t.Errorf("packet %d on %s: % x", i, names[i], p.Data)
		}
		if i > 0 && p.Time < packets[i-1].Time {
			t.Errorf("packet %d is older than the one before it", i)
		}
	}
}

func TestStopDrains(t *testing.T) {
	enter := namespace(t, "")
	r := start(t, enter, capture.Options{Compile: compile("udp dst port 9"), Latency: time.Hour})
	send(t, enter, "127.0.0.1:9", 200, 1000)
	if packets, _ := r.end(); len(packets) != 200 { // they were in a block that had not been handed over
		t.Errorf("%d packets after the end, want 200", len(packets))
	}
}

func TestCountAndSnapLen(t *testing.T) {
	enter := namespace(t, "")
	r := start(t, enter, capture.Options{Compile: compile("udp dst port 9"), Count: 7, SnapLen: 60})
	send(t, enter, "127.0.0.1:9", 20, 500)
	<-r.done
	packets, _ := r.end()
	if len(packets) != 7 {
		t.Fatalf("%d packets, want 7", len(packets))
	}
	for _, p := range packets {
		if len(p.Data) != 60 || p.Length != 14+20+8+12+500 {
			t.Errorf("%d bytes of %d", len(p.Data), p.Length)
		}
	}
}

// TestInterfaces captures on a veth pair: both ends, both directions, and a VLAN tag, which the
// kernel takes out of a received frame, put back.
func TestInterfaces(t *testing.T) {
	enter := namespace(t, veth)
	r := start(t, enter, capture.Options{})
	sendFrames(t, enter, "v0", tagged, 10)
	packets, names := r.end()
	seen := map[string]int{}
	for i, p := range packets {
		if bytes.Equal(p.Data, tagged) && int(p.Length) == len(tagged) {
			seen[fmt.Sprintf("%s %d", names[i], p.Direction)]++
		}
	}
	want := map[string]int{fmt.Sprint("v0 ", pcapng.Out): 10, fmt.Sprint("v1 ", pcapng.In): 10}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("frames by interface and direction (-want +got):\n%s", diff)
	}
}

// TestSnapLenWithoutFilter also puts a VLAN tag back that no longer fits.
func TestSnapLenWithoutFilter(t *testing.T) {
	enter := namespace(t, veth)
	r := start(t, enter, capture.Options{Interface: "v1", SnapLen: 20})
	sendFrames(t, enter, "v0", tagged, 3)
	packets, _ := r.end()
	n := 0
	for _, p := range packets {
		if bytes.Equal(p.Data, tagged[:20]) && int(p.Length) == len(tagged) {
			n++
		}
	}
	if n != 3 {
		t.Errorf("%d of 3 frames cut to 20 bytes in %+v", n, packets)
	}
}

// TestStopIsQuick: where nothing waits in the rings, the end does not take the latency.
func TestStopIsQuick(t *testing.T) {
	enter := namespace(t, "")
	r := start(t, enter, capture.Options{Interface: "lo", Latency: time.Hour})
	if packets, _ := r.end(); len(packets) != 0 {
		t.Errorf("%d packets on a quiet interface", len(packets))
	}
}

// TestDownAndUp: an interface that goes down and comes up again is still captured.
func TestDownAndUp(t *testing.T) {
	enter := namespace(t, "")
	r := start(t, enter, capture.Options{Interface: "lo", Compile: compile("udp dst port 9")})
	for _, state := range []netlinkState{netlink.LinkSetDown, netlink.LinkSetUp} {
		err := enter(func() error {
			lo, err := netlink.LinkByName("lo")
			return errors.Join(err, state(lo))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	send(t, enter, "127.0.0.1:9", 3, 0)
	if packets, _ := r.end(); len(packets) != 3 {
		t.Errorf("%d packets, want 3", len(packets))
	}
}

type netlinkState = func(netlink.Link) error

// TestDropped holds the writer up until the ring is full. Packets that were lost are counted, and
// all others are written.
func TestDropped(t *testing.T) {
	enter := namespace(t, "")
	const sent = 2000
	r := start(t, enter, capture.Options{Interface: "lo", RingSize: 256 << 10, Compile: compile("udp dst port 9")})
	r.mu.Lock() // its Write waits
	send(t, enter, "127.0.0.1:9", sent, 1000)
	r.mu.Unlock()
	packets, _ := r.end()
	if s := r.stats; s.Dropped == 0 || s.Received != sent || s.Captured != s.Received-s.Dropped || uint64(len(packets)) != s.Captured {
		t.Errorf("%d packets, statistics %+v; want %d received, and each either dropped or there", len(packets), s, sent)
	}
}

// TestLargeFrames: on lo, segments of TCP are seen before they are cut to size.
func TestLargeFrames(t *testing.T) {
	enter := namespace(t, "")
	r := start(t, enter, capture.Options{Interface: "lo", RingSize: 32 << 20, Compile: compile("tcp dst port 9")})
	if err := enter(func() error { return transfer("127.0.0.1:9", 4<<20) }); err != nil {
		t.Fatal(err)
	}
	packets, _ := r.end()
	var largest uint32
	for _, p := range packets {
		if int(p.Length) != len(p.Data) {
			t.Errorf("%d bytes of %d", len(p.Data), p.Length)
		}
		largest = max(largest, p.Length)
	}
	if largest < 1<<15 || r.stats.Dropped != 0 {
		t.Errorf("largest frame of %d bytes, statistics %+v; want one of 32 KiB at least, and none lost", largest, r.stats)
	}
}

// transfer sends n bytes over TCP and receives them.
func transfer(at string, n int64) error {
	l, err := net.Listen("tcp4", at)
	if err != nil {
		return err
	}
	defer l.Close()
	out, err := net.Dial("tcp4", at)
	if err != nil {
		return err
	}
	defer out.Close()
	in, err := l.Accept()
	if err != nil {
		return err
	}
	defer in.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := out.Write(make([]byte, n))
		sent <- err
	}()
	_, err = io.CopyN(io.Discard, in, n)
	return errors.Join(err, <-sent)
}
