package capture

import (
	"errors"
	"sync"
	"time"

	"dlx/internal/linux"
)

// handover has a source's packets from when its filter is known, and hands over
// to the ring. The kernel needs longer to make that than for all else together,
// most of it waiting (packet_set_ring in net/packet/af_packet.c).
//
// From the ring's start on, the handover's socket and the ring both receive. Once the kernel is
// done with the packets on their way then, the socket's queue has all that the ring lacks. What
// both have is taken from the queue; all later packets are the ring's. If the queue was too short,
// the capture begins with the ring.
type handover struct {
	socket  *linux.RawSocket
	settled func() error // waits until what is on its way to the sockets is there
	reading bool         // it has packets
	err     error
	closing sync.WaitGroup
	closed  error // of closing

	both   map[arrival]int // packets that were read here, and that the ring may have as well
	first  uint64          // when the first of them came; 0 once the ring has one of its time
	last   uint64          // and the last
	frames uint64          // how many
	again  uint64          // those that the ring had as well, or from before the first
}

// arrival is a packet's coming, which is the same for each socket that gets it.
type arrival struct {
	time     uint64
	iface    int32
	length   uint32
	outgoing bool
}

func arrivalOf(f *linux.Frame) arrival { return arrival{f.Time, f.Interface, f.Length, f.Outgoing} }

// handoverRoom is how much kernel memory packets before the ring may take, in bytes. With the usual
// ring it is room for some 10,000 small ones.
func handoverRoom(ring int) int { return ring / 4 }

// openHandover opens the socket, on a thread of the namespace. It is nil where the kernel can not
// tell when a ring has taken over.
func openHandover(ring int, settled func() error) (*handover, error) {
	if !linux.CanSynchronizeRCU() {
		return nil, nil
	}
	if settled == nil {
		settled = linux.SynchronizeRCU
	}
	q, err := linux.NewRawSocket(handoverRoom(ring))
	if err != nil {
		return nil, err
	}
	return &handover{socket: q, settled: settled, both: map[arrival]int{}}, nil
}

// start lets packets in.
func (h *handover) start(o *linux.RingOptions) error {
	if h == nil {
		return nil
	}
	return h.socket.Start(*o)
}

// halfFullEvery is how often the ring is looked at while its packets have to wait.
const halfFullEvery = time.Millisecond

// settle is called when the ring is started. It returns when the queue has all that the ring lacks.
// If the queue runs over, or the ring has no time to wait, the queue is given up.
func (h *handover) settle(halfFull func() bool) error {
	if h == nil {
		return nil
	}
	type result struct {
		whole bool
		err   error
	}
	done := make(chan result, 1)
	h.closing.Go(func() {
		whole, err := h.whole()
		done <- result{whole, err}
	})
	tick := time.NewTicker(halfFullEvery)
	defer tick.Stop()
	for {
		select {
		case r := <-done:
			if h.reading = r.whole; !r.whole {
				h.giveUp()
			}
			return r.err
		case <-tick.C:
			if halfFull() {
				h.closing.Go(func() {
					<-done
					h.giveUp()
				})
				return nil
			}
		}
	}
}

// whole waits until the queue has all that the ring lacks, and says whether that is so.
func (h *handover) whole() (bool, error) {
	if lost, err := h.socket.Dropped(); err != nil || lost > 0 {
		return false, err
	}
	if err := h.settled(); err != nil {
		return false, err
	}
	if err := h.socket.DropAll(); err != nil {
		return false, err
	}
	lost, err := h.socket.Dropped()
	return lost == 0, err
}

// giveUp releases the socket, which takes the kernel as long as settling.
func (h *handover) giveUp() { h.closing.Go(func() { h.closed = h.socket.Close() }) }

// next reads the queue's next packet. After the last it gives the queue up.
func (h *handover) next(f *linux.Frame) bool {
	if h == nil || !h.reading {
		return false
	}
	if h.reading, h.err = h.socket.Next(f); !h.reading {
		h.giveUp()
		return false
	}
	h.note(f)
	return true
}

// note takes note of a packet of the queue's.
func (h *handover) note(f *linux.Frame) {
	if h.frames == 0 {
		h.first = f.Time
	}
	h.frames++
	h.both[arrivalOf(f)]++
	h.last = max(h.last, f.Time)
}

// handoverSlack is how much later than the queue's last packet one may be that the ring has from
// before, in nanoseconds. Processors hand packets over side by side.
const handoverSlack = 1e9

// over says that no packet of the ring's can be the queue's any more.
func (h *handover) over() bool { return h == nil || h.both == nil }

// had says whether the queue had a packet of the ring, until that is over. Packets from before the
// queue's first count too: the capture began after them. The ring begins with such if the kernel
// noted times late, as on a busy machine (net_enable_timestamp in net/core/dev.c).
func (h *handover) had(f *linux.Frame) bool {
	if f.Time > h.last {
		h.first = 0
		if f.Time > h.last+handoverSlack {
			h.both = nil
		}
		return false
	}
	a := arrivalOf(f)
	switch {
	case h.both[a] > 0:
		h.both[a]--
		h.first = 0 // a clock that is set back later takes nothing away
	case f.Time >= h.first:
		return false
	}
	h.again++
	return true
}

// close releases the socket.
func (h *handover) close() error {
	if h == nil {
		return nil
	}
	h.closing.Wait()
	return errors.Join(h.err, h.closed, h.socket.Close())
}
