package capture_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dlx/capture"
	"dlx/capture/pcapng"
	"dlx/internal/linux"
	"dlx/internal/testutil"
)

// sender sends until it is stopped, and not for ever.
type sender struct {
	stop atomic.Bool
	sent atomic.Uint64
	done sync.WaitGroup
}

const (
	mostSent  = 1_000_000
	numberAt  = 14 + 20 + 8 // behind the headers of Ethernet, IPv4 and UDP
	portAt    = 14 + 20 + 2
	sendEvery = 50 * time.Microsecond // tagged frames
)

// sendNumbers sends numbered datagrams.
func sendNumbers(t *testing.T, enter capture.Enter, address string) *sender {
	t.Helper()
	var conn net.PacketConn
	to, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		t.Fatal(err)
	}
	err = enter(func() (err error) {
		conn, err = net.ListenPacket("udp4", ":0") // not connected: that nobody listens there is no error
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &sender{}
	payload := make([]byte, 8)
	s.done.Go(func() {
		defer conn.Close()
		if err := s.send(sendEvery, func(n uint64) error {
			binary.BigEndian.PutUint64(payload, n)
			_, err := conn.WriteTo(payload, to)
			return err
		}); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.end)
	return s
}

// sendTagged sends the tagged frame from v0 to v1.
func sendTagged(t *testing.T, enter capture.Enter) *sender {
	t.Helper()
	s := &sender{}
	ready, begin := context.WithCancel(t.Context())
	s.done.Go(func() {
		defer begin()
		err := frames(enter, "v0", func(send func([]byte) error) error {
			begin()
			return s.send(sendEvery, func(uint64) error { return send(tagged) })
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.end)
	<-ready.Done()
	return s
}

// send calls one, with the number of the packet, for each packet.
func (s *sender) send(every time.Duration, one func(n uint64) error) error {
	next := time.Now()
	for n := uint64(0); n < mostSent && !s.stop.Load(); n++ {
		for time.Now().Before(next) { // sleeping is too coarse for this
		}
		next = next.Add(every)
		if err := one(n); err != nil {
			return err
		}
		s.sent.Store(n + 1)
	}
	return nil
}

// sendMore waits until so many more were sent.
func (s *sender) sendMore(t *testing.T, n uint64) {
	t.Helper()
	until := s.sent.Load() + n
	testutil.Wait(t, "more packets", limit, func() bool { return s.sent.Load() >= until })
}

// sends waits for as many, on the goroutine of a capture, and says whether they have come.
func (s *sender) sends(n uint64) bool {
	for until := s.sent.Load() + n; s.sent.Load() < until; runtime.Gosched() {
		if s.stop.Load() || s.sent.Load() == mostSent {
			return false
		}
	}
	return true
}

func (s *sender) end() {
	s.stop.Store(true)
	s.done.Wait()
}

// rounds repeats a capture until three have shown what is wanted of the early packets. It depends
// on who runs when.
func rounds(t *testing.T, what string, try func() bool) {
	t.Helper()
	good := 0
	testutil.Wait(t, what, limit, func() bool {
		if try() {
			good++
		}
		return good == 3 || t.Failed()
	})
}

// TestHandoverAndRing: while the ring takes over from the early packets, none is lost and none is
// there twice, however fast the kernel settles.
func TestHandoverAndRing(t *testing.T) {
	enter := namespace(t, "")
	for range 3 {
		packets, stats, _, _ := handedOver(t, enter, capture.Options{RingSize: 32 << 20}, 0)
		checkAll(t, packets, stats)
	}
	rounds(t, "packets before the ring's and in both", func() bool {
		packets, stats, frames, again := handedOver(t, enter, capture.Options{RingSize: 32 << 20}, 100)
		checkAll(t, packets, stats)
		return frames > 0 && again > 0
	})
}

// TestHandoverTooMany: where the queue can not have all, the capture begins with the ring.
func TestHandoverTooMany(t *testing.T) {
	enter := namespace(t, "")
	// The queue has a quarter of the ring's size, and a small packet takes 768 bytes of it. The
	// ring is not half full: no block is handed over before it is full.
	o := capture.Options{RingSize: 1 << 20, Latency: time.Hour}
	for range 3 {
		packets, stats, frames, _ := handedOver(t, enter, o, 400)
		if stats.Received-stats.Dropped != uint64(len(packets)) || frames != 0 {
			t.Errorf("%d packets, %d of them early, statistics %+v", len(packets), frames, stats)
		}
		checkNumbers(t, packets[:min(len(packets), 1000)]) // the ring is short as well
	}
}

// TestHandoverToHalfFull: where the ring has no time to wait for the queue, the capture begins with
// the ring, and nothing is left.
func TestHandoverToHalfFull(t *testing.T) {
	enter := namespace(t, "")
	s := sendNumbers(t, enter, "127.0.0.1:9")
	s.sendMore(t, 1)
	for range 3 {
		if read, waited, err := capture.HandoverToHalfFull(enter, limit); read || waited || err != nil {
			t.Errorf("early packets are read: %v, settling is waited for: %v, %v", read, waited, err)
		}
	}
}

// handedOver captures while datagrams are sent, which begins before. So many more are sent by
// each sender before the ring takes over; after none, it does as soon as the kernel has settled.
func handedOver(t *testing.T, enter capture.Enter, o capture.Options, meanwhile uint64) (packets []pcapng.Packet, stats capture.Stats, frames, again uint64) {
	t.Helper()
	senders := []*sender{sendNumbers(t, enter, "127.0.0.1:7"), sendNumbers(t, enter, "127.0.0.1:9")}
	o.Interface, o.Compile, o.NoProcess = "lo", compile("udp dst port 7 or udp dst port 9"), true
	c := open(t, enter, o.Settling(after(meanwhile, senders...)))
	figures := c.Handover()
	r := run(t, c)
	for _, s := range senders {
		s.sendMore(t, 100)
	}
	for _, s := range senders {
		s.end()
		if s.sent.Load() == mostSent {
			t.Error("the sender ended before the capture was on")
		}
	}
	packets, _ = r.end()
	frames, again = figures()
	return packets, r.stats, frames, again
}

// after settles when each sender has sent so many more packets.
func after(n uint64, senders ...*sender) func() error {
	return func() error {
		for _, s := range senders {
			if !s.sends(n) {
				return errors.New("the sender has ended")
			}
		}
		return linux.SynchronizeRCU()
	}
}

// checkAll wants each packet once, and none lost.
func checkAll(t *testing.T, packets []pcapng.Packet, stats capture.Stats) {
	t.Helper()
	if stats.Dropped != 0 || stats.Received != uint64(len(packets)) {
		t.Errorf("%d packets, statistics %+v", len(packets), stats)
	}
	checkNumbers(t, packets)
}

// checkNumbers wants each sender's numbers in a row, without a gap, in the order of their times.
func checkNumbers(t *testing.T, packets []pcapng.Packet) {
	t.Helper()
	type seen struct{ number, time uint64 }
	last := map[uint16]*seen{}
	for i, p := range packets {
		port, number := binary.BigEndian.Uint16(p.Data[portAt:]), binary.BigEndian.Uint64(p.Data[numberAt:])
		l := last[port]
		if l == nil {
			last[port] = &seen{number, p.Time}
			continue
		}
		if number != l.number+1 || p.Time < l.time {
			t.Fatalf("packet %d of %d is number %d to port %d at %d, after number %d at %d", i, len(packets), number, port, p.Time, l.number, l.time)
		}
		l.number, l.time = number, p.Time
	}
	if len(last) == 0 {
		t.Error("no packet")
	}
}

// TestHandoverFields: a packet is the same by the queue as by the ring. It has its VLAN tag,
// direction and length, and a header if its kind of interface has no link type of its own.
func TestHandoverFields(t *testing.T) {
	ip := func(t *testing.T, enter capture.Enter) *sender {
		return sendNumbers(t, enter, "192.0.2.2:9")
	}
	for name, o := range map[string]struct {
		send    func(*testing.T, capture.Enter) *sender
		options capture.Options
		arphrd  uintptr // of a tunnel
		same    int     // bytes in front that are the same in all
	}{
		"tagged":     {sendTagged, capture.Options{Interface: "v0", Compile: compile("vlan 100")}, 0, len(tagged)},
		"tagged any": {sendTagged, capture.Options{Compile: compile("vlan 100"), SnapLen: 40}, 0, 40},
		"raw":        {ip, capture.Options{Interface: "tun0", Compile: compile("udp dst port 9")}, 0, 4},
		"cooked":     {ip, capture.Options{Interface: "tun0", Compile: compile("udp dst port 9")}, arphrdCAN, 24},
	} {
		t.Run(name, func(t *testing.T) {
			enter := namespace(t, veth)
			tunnel(t, enter, "tun0", o.arphrd)
			rounds(t, "packets before the ring's and after", func() bool {
				s := o.send(t, enter)
				return handoverFields(t, enter, s, o.options.Settling(after(50, s)), o.same)
			})
		})
	}
}

// handoverFields compares the packets of a capture with the first one of their interface and
// direction, and says whether some were early, and some not.
func handoverFields(t *testing.T, enter capture.Enter, s *sender, o capture.Options, same int) bool {
	t.Helper()
	c := open(t, enter, o)
	figures := c.Handover()
	r := run(t, c)
	s.sendMore(t, 100)
	s.end()
	packets, names := r.end()
	type place struct {
		name      string
		direction pcapng.Direction
	}
	first := map[place]pcapng.Packet{}
	for i, p := range packets {
		at := place{names[i], p.Direction}
		want, ok := first[at]
		if !ok {
			first[at] = p
			continue
		}
		if p.Length != want.Length || len(p.Data) != len(want.Data) || !bytes.Equal(p.Data[:same], want.Data[:same]) {
			t.Fatalf("packet %d on %v: %d bytes of %d: % x; the first one: %d bytes of %d: % x", i, at,
				len(p.Data), p.Length, p.Data, len(want.Data), want.Length, want.Data)
		}
	}
	n, _ := figures()
	return n > 0 && n < uint64(len(packets))
}

// TestQueue: a packet from a queue has what one from a ring has. The sender's address and the
// network header's place, which not every kind of file needs, are among it.
func TestQueue(t *testing.T) {
	enter := namespace(t, veth)
	var q *linux.RawSocket
	var v1 *net.Interface
	err := enter(func() (err error) {
		if v1, err = net.InterfaceByName("v1"); err != nil {
			return err
		}
		q, err = linux.NewRawSocket(1 << 20)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	program, err := compile("vlan 100")(1, netip.Addr{}, 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Start(linux.RingOptions{Interface: v1.Index, Filter: program}); err != nil {
		t.Fatal(err)
	}
	cooked := []byte{0x88, 0xb5, 0, 0, 0, 0, 0, byte(v1.Index), 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0}
	read := func() (n int) {
		for f := (linux.Frame{}); ; n++ {
			if some, err := q.Next(&f); err != nil {
				t.Fatal(err)
			} else if !some {
				return n
			}
			tpid, tci := f.Tag()
			if f.Network() != 14 || !bytes.Equal(f.AppendCooked(nil), cooked) || tpid != 0x8100 || tci != 100 || int(f.Length) != len(tagged)-4 {
				t.Errorf("network header at %d, cooked % x, tag %#x %d, %d bytes", f.Network(), f.AppendCooked(nil), tpid, tci, f.Length)
			}
			if age := time.Since(time.Unix(0, int64(f.Time))); age < 0 || age > limit {
				t.Errorf("the packet's time is %v ago", age)
			}
		}
	}
	// Packets are left out until the kernel notes times, which a worker of its turns on
	// (net_enable_timestamp in net/core/dev.c).
	testutil.Wait(t, "a packet with a time", limit, func() bool {
		sendFrames(t, enter, "v0", tagged, 1)
		return read() == 1
	})
	sendFrames(t, enter, "v0", tagged, 3)
	if n := read(); n != 3 {
		t.Errorf("%d packets, want 3", n)
	}
}
