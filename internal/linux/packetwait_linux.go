package linux

import (
	"time"

	"golang.org/x/sys/unix"
)

// Waiter waits for rings, which stay their owner's and have to be open meanwhile, and can be woken.
type Waiter struct {
	event *FD
	fds   []unix.PollFd
}

// NewWaiter makes a waiter for the rings.
func NewWaiter(rings ...*Ring) (*Waiter, error) {
	event, err := eventfd()
	if err != nil {
		return nil, err
	}
	w := &Waiter{event: event, fds: []unix.PollFd{{Fd: int32(event.Int()), Events: unix.POLLIN}}}
	for _, r := range rings {
		w.fds = append(w.fds, unix.PollFd{Fd: int32(r.fd.Int()), Events: unix.POLLIN})
	}
	return w, nil
}

// Wait returns when a ring has a block, when the waiter is woken, or after the limit; a negative limit is none.
func (w *Waiter) Wait(limit time.Duration) error {
	ms := -1
	if limit >= 0 {
		ms = int((limit + time.Millisecond - 1).Milliseconds()) // up: 0 would turn the wait into a busy one
	}
	_, err := retry(func() (int, error) { return unix.Poll(w.fds, ms) })
	return wrap("poll", err)
}

// TakeError says whether ring number i reported an error, which is cleared: with it, poll would not wait any longer. An
// interface that goes down or away reports ENETDOWN once (packet_notifier in net/packet/af_packet.c). If it comes up
// again, so do its packets.
func (w *Waiter) TakeError(i int) error {
	p := w.fds[i+1]
	if p.Revents&unix.POLLERR == 0 {
		return nil
	}
	errno, err := unix.GetsockoptInt(int(p.Fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || errno == 0 {
		return wrap("getsockopt SO_ERROR", err)
	}
	return wrap("packet socket", unix.Errno(errno))
}

// Wake makes Wait return, now and from then on.
func (w *Waiter) Wake() { _, _ = unix.Write(w.event.Int(), []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

// Rest makes Wait wait again after Wake.
func (w *Waiter) Rest() { w.fds[0].Fd = -1 }

// Close releases the waiter.
func (w *Waiter) Close() error { return w.event.Close() }
