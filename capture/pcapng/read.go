package pcapng

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Bounds of what a Reader takes and keeps.
const (
	maxBlock      = 16 << 20 // bytes
	maxInterfaces = 4096     // of a section
	maxText       = 4096     // bytes of a name, a description or a filter; the rest is cut off
)

// FormatError reports a file that is no capture file, or a broken one.
type FormatError struct{ Why string }

func (e *FormatError) Error() string { return "not a whole pcapng file: " + e.Why }

// Reader reads the packets of a capture file.
type Reader struct {
	r          *bufio.Reader
	order      binary.ByteOrder
	interfaces []readInterface
	head       [12]byte
	block      []byte
}

// NewReader returns a reader of the file that comes from r.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, 1<<16)} }

// Buffered says whether more of the file has been read already.
func (r *Reader) Buffered() bool { return r.r.Buffered() > 0 }

// Interface returns what the file says of the interface of the packet that Next returned last. For any other packet it
// may be the zero value, since each section has interfaces of its own.
func (r *Reader) Interface(p *Packet) Interface {
	if uint64(p.Interface) >= uint64(len(r.interfaces)) {
		return Interface{}
	}
	return r.interfaces[p.Interface].Interface
}

// Next reads up to and including the next packet; blocks of other kinds, simple packets without a time among them, are
// passed over. The packet's data are valid until the next call. The end of the file is io.EOF; a broken one is a
// *FormatError; errors of the underlying reader come as they are.
func (r *Reader) Next() (Packet, error) {
	for {
		kind, body, err := r.readBlock()
		if err != nil {
			return Packet{}, err
		}
		switch kind {
		case blockSection:
			if len(body) < 12 || r.order.Uint16(body) != 1 {
				return Packet{}, &FormatError{"its version is unknown"}
			}
			r.interfaces = r.interfaces[:0]
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
	head := r.head[:]
	if _, err := io.ReadFull(r.r, head[:8]); err != nil {
		return 0, nil, cut(err, false)
	}
	if le.Uint32(head) == blockSection { // the same in either order
		if _, err := io.ReadFull(r.r, head[8:12]); err != nil {
			return 0, nil, cut(err, true)
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
	kind = r.order.Uint32(head)
	body, err = r.rest(r.order.Uint32(head[4:]), 8)
	return kind, body, err
}

// cut makes the end of the file inside a block a format error; what else stopped the reader stays.
func cut(err error, inside bool) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || inside && errors.Is(err, io.EOF) {
		return &FormatError{"it ends inside a block"}
	}
	return err
}

// setOrder takes the section's byte order from its magic number.
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
		return nil, cut(err, true)
	}
	if r.order.Uint32(buf[n-4:]) != size {
		return nil, &FormatError{"a block's two lengths differ"}
	}
	return buf[:n-4], nil
}

// packet takes an enhanced packet block apart.
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
	p.Time = r.interfaces[p.Interface].nanos(units)
	p.Data = body[20 : 20+size : 20+size]
	r.options(body[min(20+(size+3)&^3, uint64(len(body))):], func(code uint16, value []byte) {
		switch {
		case code == optComment && p.Comment == "":
			p.Comment = text(value)
		case code == optFlags && len(value) == 4:
			p.Direction = Direction(r.order.Uint32(value) & 3)
		case code == optDropCount && len(value) == 8:
			p.Dropped = r.order.Uint64(value)
		case code == optPacketID && len(value) == 8:
			p.ID = r.order.Uint64(value)
		case code == optProcess && len(value) == 8:
			p.Process = r.order.Uint32(value)
		}
	})
	return p, nil
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
