package pcapng

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// Bounds of what a Reader takes.
const (
	maxBlock      = 16 << 20
	maxInterfaces = 4096
)

// FormatError reports a file that is no capture file, or a broken one.
type FormatError struct{ Why string }

func (e *FormatError) Error() string { return "not a whole pcapng file: " + e.Why }

// Reader reads the packets of a capture file.
type Reader struct {
	r          *bufio.Reader
	order      binary.ByteOrder
	interfaces []readInterface
	block      []byte
}

type readInterface struct {
	Interface
	perSecond uint64 // units of time
}

// NewReader returns a reader of the file that comes from r.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, 1<<16)} }

// Buffered says whether more of the file has been read already.
func (r *Reader) Buffered() bool { return r.r.Buffered() > 0 }

// Interface returns what the file says of the interface of a packet.
func (r *Reader) Interface(p *Packet) Interface { return r.interfaces[p.Interface].Interface }

// Next reads up to and including the next packet. Its data are valid until the next call. The end of the file is io.EOF;
// a broken one is a *FormatError.
func (r *Reader) Next() (Packet, error) {
	for {
		kind, body, err := r.readBlock()
		if err != nil {
			return Packet{}, err
		}
		switch kind {
		case blockSection:
			r.interfaces = nil
		case blockInterface:
			if err := r.addInterface(body); err != nil {
				return Packet{}, err
			}
		case blockPacket:
			return r.packet(body)
		}
	}
}

// readBlock reads one block and returns what is between its lengths.
func (r *Reader) readBlock() (kind uint32, body []byte, err error) {
	var head [12]byte
	if _, err := io.ReadFull(r.r, head[:8]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = &FormatError{"it ends inside a block"}
		}
		return 0, nil, err
	}
	if le.Uint32(head[:]) == blockSection { // the same in either order
		if _, err := io.ReadFull(r.r, head[8:12]); err != nil {
			return 0, nil, &FormatError{"it ends inside a block"}
		}
		if err := r.setOrder(head[8:12]); err != nil {
			return 0, nil, err
		}
		body, err = r.rest(r.order.Uint32(head[4:]), 12)
		return blockSection, body, err
	}
	if r.order == nil {
		return 0, nil, &FormatError{"it does not begin with a section header"}
	}
	kind = r.order.Uint32(head[:])
	body, err = r.rest(r.order.Uint32(head[4:]), 8)
	return kind, body, err
}

func (r *Reader) setOrder(magic []byte) error {
	switch {
	case le.Uint32(magic) == byteOrderMagic:
		r.order = binary.LittleEndian
	case binary.BigEndian.Uint32(magic) == byteOrderMagic:
		r.order = binary.BigEndian
	default:
		return &FormatError{"its byte order is unknown"}
	}
	return nil
}

// rest reads what is left of a block of the given size after its first bytes, and checks the length at its end.
func (r *Reader) rest(size uint32, done int) ([]byte, error) {
	if size%4 != 0 || size > maxBlock || int(size) < done+4 {
		return nil, &FormatError{fmt.Sprintf("a block says that it has %d bytes", size)}
	}
	n := int(size) - done
	if cap(r.block) < n {
		r.block = make([]byte, n)
	}
	buf := r.block[:n]
	if _, err := io.ReadFull(r.r, buf); err != nil {
		return nil, &FormatError{"it ends inside a block"}
	}
	if r.order.Uint32(buf[n-4:]) != size {
		return nil, &FormatError{"a block's two lengths differ"}
	}
	return buf[:n-4], nil
}

func (r *Reader) addInterface(body []byte) error {
	if len(body) < 8 || len(r.interfaces) >= maxInterfaces {
		return &FormatError{"bad interface description"}
	}
	i := readInterface{perSecond: 1e6}
	i.LinkType, i.SnapLen = r.order.Uint16(body), r.order.Uint32(body[4:])
	r.options(body[8:], func(code uint16, value []byte) {
		switch code {
		case optName:
			i.Name = string(value)
		case optDescription:
			i.Description = string(value)
		case optResolution:
			if len(value) > 0 {
				i.perSecond = resolution(value[0])
			}
		}
	})
	r.interfaces = append(r.interfaces, i)
	return nil
}

// resolution is the number of units in a second: a power of ten, or of two if the highest bit is set.
func resolution(b byte) uint64 {
	n := b & 0x7f
	switch {
	case b&0x80 != 0 && n < 63:
		return 1 << n
	case b&0x80 == 0 && n <= 18:
		units := uint64(1)
		for range n {
			units *= 10
		}
		return units
	}
	return 1e6
}

// options calls f for each option until the end of them or of the bytes.
func (r *Reader) options(b []byte, f func(code uint16, value []byte)) {
	for len(b) >= 4 {
		code, size := r.order.Uint16(b), int(r.order.Uint16(b[2:]))
		if code == optEnd || size > len(b)-4 {
			return
		}
		f(code, b[4:4+size])
		b = b[min(4+(size+3)&^3, len(b)):]
	}
}

func (r *Reader) packet(body []byte) (Packet, error) {
	if len(body) < 20 {
		return Packet{}, &FormatError{"bad packet"}
	}
	p := Packet{Interface: r.order.Uint32(body), Length: r.order.Uint32(body[16:])}
	size := uint64(r.order.Uint32(body[12:]))
	if uint64(p.Interface) >= uint64(len(r.interfaces)) || size > uint64(len(body)-20) {
		return Packet{}, &FormatError{"bad packet"}
	}
	units := uint64(r.order.Uint32(body[4:]))<<32 | uint64(r.order.Uint32(body[8:]))
	p.Time = nanos(units, r.interfaces[p.Interface].perSecond)
	p.Data = body[20 : 20+size : 20+size]
	r.options(body[min(20+(size+3)&^3, uint64(len(body))):], func(code uint16, value []byte) {
		if code == optFlags && len(value) == 4 {
			p.Direction = Direction(r.order.Uint32(value) & 3)
		}
	})
	return p, nil
}

// nanos converts units of time to nanoseconds, without overflow on the way.
func nanos(units, perSecond uint64) uint64 {
	seconds, rest := units/perSecond, units%perSecond
	hi, lo := bits.Mul64(rest, 1e9)
	fraction, _ := bits.Div64(hi, lo, perSecond)
	return seconds*1e9 + fraction
}
