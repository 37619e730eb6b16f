package linux

import (
	"errors"
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Tap is a packet socket without a ring. What it receives can be read at once, and what finds no
// room is lost. Packets begin at the network header, on every kind of interface (packet(7),
// SOCK_DGRAM). It is for one goroutine.
type Tap struct{ packetSocket }

// TapPacket says where a packet came from.
type TapPacket struct {
	Size      int    // bytes in the buffer
	Protocol  uint16 // an ETH_P_ number (linux/if_ether.h)
	Hardware  uint16 // of its interface, an ARPHRD_ number
	Interface int32  // index
	Outgoing  bool
}

// OpenTap opens the socket in the thread's network namespace, with room bytes for packets. The
// filter is attached before anything is received. Its program, too, begins at the network header.
func OpenTap(filter []bpf.RawInstruction, room int) (*Tap, error) {
	socket, err := openPacketSocket(unix.SOCK_DGRAM)
	if err != nil {
		return nil, err
	}
	t := &Tap{socket}
	err = wrap("setsockopt SO_RCVBUF", unix.SetsockoptInt(t.fd.Int(), unix.SOL_SOCKET, unix.SO_RCVBUF, room))
	if err == nil {
		err = t.start(&RingOptions{Filter: filter})
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// Receive reads the next packet as far as buf goes. It does not wait: without one, ok is false.
func (t *Tap) Receive(buf []byte) (p TapPacket, ok bool, err error) {
	for {
		n, from, err := unix.Recvfrom(t.fd.Int(), buf, 0)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENETDOWN): // an interface went down; there are others
			continue
		case errors.Is(err, unix.EAGAIN):
			return p, false, nil
		case err != nil:
			return p, false, wrap("recvfrom", err)
		}
		a, ok := from.(*unix.SockaddrLinklayer)
		if !ok {
			return p, false, fmt.Errorf("recvfrom: address of type %T", from)
		}
		return TapPacket{Size: n, Protocol: htons(a.Protocol), Hardware: a.Hatype, Interface: int32(a.Ifindex), Outgoing: a.Pkttype == unix.PACKET_OUTGOING}, true, nil
	}
}

// Descriptor is the socket's, to wait for. It stays the tap's.
func (t *Tap) Descriptor() int { return t.fd.Int() }

// Close releases the socket.
func (t *Tap) Close() error { return t.fd.Close() }
