package capture

import (
	"errors"
	"sync"
	"time"

	"dlx/internal/linux"
)

// early has the packets of a source from the moment on that its filter is known. The kernel needs longer to make the ring
// than for all else together, most of it waiting (packet_set_ring in net/packet/af_packet.c).
//
// From the ring's start on both of them receive. When the kernel is done with the packets that were on their way then, the
// queue has all that the ring lacks: what is in both is taken from the queue, and from there on all is the ring's. If the
// queue was too short for that, the capture begins with the ring.
type early struct {
	queue   *linux.Queue
	settled func() error // waits until what is on its way to the sockets is there
	reading bool         // it has packets
	err     error
	closing sync.WaitGroup
	closed  error // of closing

	both   map[arrival]int // packets that were read here, and that the ring may have as well
	last   uint64          // when the last of them came
	frames uint64          // how many
	again  uint64          // of them, those that the ring had as well
}

// arrival is a packet's coming, which is the same for each socket that gets it.
type arrival struct {
	time     uint64
	iface    int32
	length   uint32
	outgoing bool
}

func arrivalOf(f *linux.Frame) arrival { return arrival{f.Time, f.Interface, f.Length, f.Outgoing} }

// earlyRoom is how much of the kernel's memory packets may take that come before the ring, in bytes: some 10,000 small ones
// for the usual ring.
func earlyRoom(ring int) int { return ring / 4 }

// openEarly opens the socket, on a thread of the namespace. It is nil where the kernel can not tell
// when a ring has taken over.
func openEarly(ring int, settled func() error) (*early, error) {
	if !linux.CanSettle() {
		return nil, nil
	}
	if settled == nil {
		settled = linux.Settle
	}
	q, err := linux.NewQueue(earlyRoom(ring))
	if err != nil {
		return nil, err
	}
	return &early{queue: q, settled: settled, both: map[arrival]int{}}, nil
}

// start lets packets in.
func (e *early) start(o *linux.RingOptions) error {
	if e == nil {
		return nil
	}
	return e.queue.Start(*o)
}

// crowdedEvery is how often the ring is looked at while its packets have to wait.
const crowdedEvery = time.Millisecond

// settle is called when the ring is started, and returns when the queue has all that the ring lacks, or has run over, or the
// ring has no time to wait for that: then it is given up.
func (e *early) settle(crowded func() bool) error {
	if e == nil {
		return nil
	}
	type result struct {
		whole bool
		err   error
	}
	done := make(chan result, 1)
	e.closing.Go(func() {
		whole, err := e.whole()
		done <- result{whole, err}
	})
	tick := time.NewTicker(crowdedEvery)
	defer tick.Stop()
	for {
		select {
		case r := <-done:
			if e.reading = r.whole; !r.whole {
				e.giveUp()
			}
			return r.err
		case <-tick.C:
			if crowded() {
				e.closing.Go(func() {
					<-done
					e.giveUp()
				})
				return nil
			}
		}
	}
}

// whole waits until the queue has all that the ring lacks, and says whether that is so.
func (e *early) whole() (bool, error) {
	if lost, err := e.queue.Dropped(); err != nil || lost > 0 {
		return false, err
	}
	if err := e.settled(); err != nil {
		return false, err
	}
	if err := e.queue.Refuse(); err != nil {
		return false, err
	}
	lost, err := e.queue.Dropped()
	return lost == 0, err
}

// giveUp releases the socket, which takes the kernel as long as settling.
func (e *early) giveUp() { e.closing.Go(func() { e.closed = e.queue.Close() }) }

// next reads the queue's next packet. After the last it gives the queue up.
func (e *early) next(f *linux.Frame) bool {
	if e == nil || !e.reading {
		return false
	}
	if e.reading, e.err = e.queue.Next(f); !e.reading {
		e.giveUp()
		return false
	}
	e.frames++
	e.both[arrivalOf(f)]++
	e.last = max(e.last, f.Time)
	return true
}

// earlySlack is how much later than the last packet of the queue one may be that the ring has from before, in nanoseconds:
// processors hand packets over side by side.
const earlySlack = 1e9

// over says that no packet of the ring's can be the queue's any more.
func (e *early) over() bool { return e == nil || e.both == nil }

// had says whether a packet of the ring's was the queue's already, unless that is over.
func (e *early) had(f *linux.Frame) bool {
	if f.Time > e.last {
		if f.Time > e.last+earlySlack {
			e.both = nil
		}
		return false
	}
	a := arrivalOf(f)
	if e.both[a] == 0 {
		return false
	}
	e.both[a]--
	e.again++
	return true
}

// close releases the socket.
func (e *early) close() error {
	if e == nil {
		return nil
	}
	e.closing.Wait()
	return errors.Join(e.err, e.closed, e.queue.Close())
}
