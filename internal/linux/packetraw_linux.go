package linux

import (
	"encoding/binary"
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// RawSocket is a packet socket without a ring: packets wait in its receive queue. It has them at
// once, where the kernel takes some 8 ms to make a Ring.
type RawSocket struct {
	packetSocket
	buf, control []byte
}

// NewRawSocket opens the socket, with a queue for about size bytes of the kernel's memory, or as
// many as the caller may have. It receives nothing before Start.
func NewRawSocket(size int) (*RawSocket, error) {
	s, err := openPacketSocket(unix.SOCK_RAW)
	if err != nil {
		return nil, err
	}
	_ = unix.SetsockoptInt(s.fd.Int(), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size/2) // the kernel doubles it (socket(7))
	err = wrap("setsockopt PACKET_AUXDATA", unix.SetsockoptInt(s.fd.Int(), unix.SOL_PACKET, unix.PACKET_AUXDATA, 1))
	// The kernel begins to note times a moment after it is asked to, for a ring's packets too: both
	// get the same.
	const times = unix.SOF_TIMESTAMPING_RX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE
	err = errors.Join(err, wrap("setsockopt SO_TIMESTAMPING", unix.SetsockoptInt(s.fd.Int(), unix.SOL_SOCKET, unix.SO_TIMESTAMPING, times)))
	if err != nil {
		return nil, errors.Join(err, s.fd.Close())
	}
	return &RawSocket{packetSocket: s}, nil
}

// Start attaches the filter and binds the socket, as a Ring's does.
func (q *RawSocket) Start(o RingOptions) error { return q.start(&o) }

// Dropped returns how many packets found the queue full since this was last asked (packet(7),
// PACKET_STATISTICS).
func (q *RawSocket) Dropped() (uint64, error) {
	stats, err := unix.GetsockoptTpacketStats(q.fd.Int(), unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, wrap("getsockopt PACKET_STATISTICS", err)
	}
	return uint64(stats.Drops), nil
}

// Close releases the socket. It takes some 8 ms if it was started.
func (q *RawSocket) Close() error { return q.fd.Close() }

// maxQueued is the most bytes that are taken of a packet: what the longest snapshot has.
const maxQueued = 256 << 10

// DropAll lets nothing more in; what is in the queue stays.
func (q *RawSocket) DropAll() error { return q.dropAll() }

// Next reads the next packet into f, as a Block's does; its bytes are the queue's, until the next
// call. Without one it returns false, and does not wait. Packets that came before the kernel noted
// times are left out: they are the first ones, if any.
func (q *RawSocket) Next(f *Frame) (bool, error) {
	if q.buf == nil {
		q.buf, q.control = make([]byte, frameHeader+maxQueued), make([]byte, 256)
	}
	for {
		clear(q.buf[:frameHeader])
		n, some, _, from, err := unix.Recvmsg(q.fd.Int(), q.buf[frameHeader:], q.control, unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return false, nil
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENETDOWN): // an interface went down, which is told once
			continue
		case err != nil:
			return false, wrap("recvmsg", err)
		}
		if address, ok := from.(*unix.SockaddrLinklayer); ok && describeFrame(q.buf, n, address, q.control[:some]) {
			b := Block{mem: q.buf[:frameHeader+n], left: 1}
			return b.Next(f), nil
		}
	}
}

// describeFrame writes the header of a frame of n bytes that were captured. It is false if the
// kernel noted no time.
func describeFrame(frame []byte, n int, from *unix.SockaddrLinklayer, control []byte) bool {
	e := binary.NativeEndian
	e.PutUint32(frame[frameSnaplen:], uint32(n))
	e.PutUint32(frame[frameLen:], uint32(n))
	e.PutUint16(frame[frameMac:], frameHeader)
	e.PutUint16(frame[frameNet:], frameHeader)
	e.PutUint16(frame[addressProtocol:], from.Protocol)
	e.PutUint32(frame[addressIndex:], uint32(from.Ifindex))
	e.PutUint16(frame[addressHardware:], from.Hatype)
	frame[addressPktType], frame[addressLength] = from.Pkttype, from.Halen
	copy(frame[addressBytes:frameHeader], from.Addr[:])
	timed := false
	for len(control) >= unix.SizeofCmsghdr {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return false
		}
		switch {
		case header.Level == unix.SOL_PACKET && header.Type == unix.PACKET_AUXDATA && len(data) >= auxSize:
			describeAuxiliary(frame, data)
		case header.Level == unix.SOL_SOCKET && header.Type == unix.SO_TIMESTAMPING && len(data) >= 16:
			sec, nsec := e.Uint64(data), e.Uint64(data[8:])
			e.PutUint32(frame[frameSec:], uint32(sec))
			e.PutUint32(frame[frameNsec:], uint32(nsec))
			timed = sec != 0 && nsec < uint64(time.Second)
		}
		control = rest
	}
	return timed
}

// Offsets in struct tpacket_auxdata (linux/if_packet.h).
const (
	auxStatus = 0
	auxLen    = 4
	auxNet    = 14
	auxTCI    = 16
	auxTPID   = 18
	auxSize   = 20
)

// describeAuxiliary takes over what the kernel says of a packet beside its address.
func describeAuxiliary(frame, aux []byte) {
	e := binary.NativeEndian
	e.PutUint32(frame[frameStatus:], e.Uint32(aux[auxStatus:]))
	e.PutUint32(frame[frameLen:], e.Uint32(aux[auxLen:]))
	e.PutUint16(frame[frameNet:], frameHeader+e.Uint16(aux[auxNet:]))
	e.PutUint32(frame[frameTCI:], uint32(e.Uint16(aux[auxTCI:])))
	e.PutUint16(frame[frameTPID:], e.Uint16(aux[auxTPID:]))
}
