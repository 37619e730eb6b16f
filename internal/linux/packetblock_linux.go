package linux

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// Block is a block of a Ring while its packets are read.
type Block struct {
	mem    []byte
	left   uint32
	offset uint32
}

// Frame is a packet in a Block; its bytes are the ring's.
type Frame struct {
	Seconds, Nanoseconds uint32
	Length               uint32 // on the wire, without a VLAN tag that was taken out
	Data                 []byte // as far as it was captured
	Outgoing             bool
	VLAN                 bool // a tag was taken out, and is in the next two
	TCI, TPID            uint16
}

// Offsets in struct tpacket3_hdr and in the struct sockaddr_ll behind it (linux/if_packet.h).
const (
	frameNext    = 0
	frameSec     = 4
	frameNsec    = 8
	frameSnaplen = 12
	frameLen     = 16
	frameStatus  = 20
	frameMac     = 24
	frameTCI     = 32
	frameTPID    = 36
	framePktType = 48 + 10
	frameHeader  = 48 + 20
)

// Next returns the next packet. Everything is checked against the block, although only the kernel writes there.
func (b *Block) Next(f *Frame) bool {
	if b.left == 0 || int(b.offset)+frameHeader > len(b.mem) {
		return false
	}
	h := b.mem[b.offset:]
	status := native32(h, frameStatus)
	start := uint32(binary.NativeEndian.Uint16(h[frameMac:]))
	size := native32(h, frameSnaplen)
	if uint64(start)+uint64(size) > uint64(len(h)) {
		return false
	}
	f.Seconds, f.Nanoseconds = native32(h, frameSec), native32(h, frameNsec)
	f.Length = native32(h, frameLen)
	f.Data = h[start : start+size : start+size]
	f.Outgoing = h[framePktType] == unix.PACKET_OUTGOING
	f.VLAN = status&unix.TP_STATUS_VLAN_VALID != 0
	f.TCI, f.TPID = uint16(native32(h, frameTCI)), unix.ETH_P_8021Q
	if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		f.TPID = binary.NativeEndian.Uint16(h[frameTPID:])
	}
	b.left--
	b.offset += native32(h, frameNext)
	return true
}

// Time is when the kernel saw the packet, in nanoseconds since 1970.
func (f *Frame) Time() uint64 {
	return uint64(f.Seconds)*uint64(time.Second) + uint64(f.Nanoseconds)
}

func native32(b []byte, offset int) uint32 { return binary.NativeEndian.Uint32(b[offset:]) }

// Waiter waits for rings and can be woken.
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
		ms = int(limit.Milliseconds())
	}
	_, err := retry(func() (int, error) { return unix.Poll(w.fds, ms) })
	return wrap("poll", err)
}

// Ready says whether ring number i had a block, or an error to be reported, after Wait.
func (w *Waiter) Ready(i int) bool { return w.fds[i+1].Revents != 0 }

// Down says whether ring number i reported that its interface is gone or down (ENETDOWN).
func (w *Waiter) Down(i int) bool { return w.fds[i+1].Revents&unix.POLLERR != 0 }

// Ignore leaves ring number i out from now on.
func (w *Waiter) Ignore(i int) { w.fds[i+1].Fd = -1 }

// Wake makes Wait return, now and from then on.
func (w *Waiter) Wake() { _, _ = unix.Write(w.event.Int(), []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

// Rest makes Wait wait again after Wake.
func (w *Waiter) Rest() { w.fds[0].Fd = -1 }

// Close releases the waiter.
func (w *Waiter) Close() error { return w.event.Close() }
