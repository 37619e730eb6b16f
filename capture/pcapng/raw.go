package pcapng

import (
	"encoding/binary"
	"fmt"
)

// Raw is a whole block where it lies; nothing is copied. It has the form of blocks that this
// package appends: little-endian, with times in nanoseconds.
type Raw []byte

// First is the block that b begins with: nil if b ends before the block does. What can be none is a
// *FormatError.
func First(b []byte) (Raw, error) {
	if len(b) < blockHead {
		return nil, nil
	}
	size := le.Uint32(b[4:])
	if err := checkSize(size, minBlock); err != nil {
		return nil, err
	}
	if uint64(len(b)) < uint64(size) {
		return nil, nil
	}
	if le.Uint32(b[size-4:]) != size {
		return nil, errLengths
	}
	return Raw(b[:size:size]), nil
}

// Whole is the size of the whole blocks at the beginning of b.
func Whole(b []byte) (done int) {
	for {
		block, err := First(b[done:])
		if block == nil || err != nil {
			return done
		}
		done += len(block)
	}
}

// checkSize checks what a block says of its size, of which at least some bytes must be there.
func checkSize(size uint32, least int) error {
	if size%4 != 0 || size > maxBlock || int(size) < least {
		return &FormatError{fmt.Sprintf("a block says that it has %d bytes", size)}
	}
	return nil
}

var errLengths = &FormatError{"a block's two lengths differ"}

// Kind is the block's type.
func (r Raw) Kind() uint32 { return le.Uint32(r) }

func (r Raw) body() []byte { return r[blockHead : len(r)-4] }

// LinkType is that of an interface description block.
func (r Raw) LinkType() (uint16, error) {
	body := r.body()
	if r.Kind() != InterfaceBlock || len(body) < interfaceFixed {
		return 0, errInterface
	}
	return le.Uint16(body), nil
}

// Packet is the packet of an enhanced packet block.
func (r Raw) Packet() (RawPacket, error) {
	if r.Kind() != PacketBlock {
		return RawPacket{}, errPacket
	}
	return packetOf(r.body(), binary.LittleEndian)
}

// Statistics are those of an interface statistics block. Figures that it does not have are 0.
func (r Raw) Statistics() (s Statistics, err error) {
	const fixed = 12
	body := r.body()
	if r.Kind() != StatisticsBlock || len(body) < fixed {
		return s, &FormatError{"bad statistics"}
	}
	s.Interface, s.Time = le.Uint32(body), timeOf(body[4:], binary.LittleEndian)
	options := Options{body[fixed:], binary.LittleEndian}
	for o, ok := options.Next(); ok; o, ok = options.Next() {
		if len(o.Value) != 8 {
			continue
		}
		switch o.Code {
		case optStart:
			s.Start = timeOf(o.Value, o.order)
		case optEndTime:
			s.End = timeOf(o.Value, o.order)
		case optReceived:
			s.Received = o.order.Uint64(o.Value)
		case optOSDrop:
			s.Dropped = o.order.Uint64(o.Value)
		case optDelivered:
			s.Delivered = o.order.Uint64(o.Value)
		}
	}
	return s, nil
}

// RawPacket is a packet where its block lies.
type RawPacket struct {
	Interface uint32
	Time      uint64 // in units of its interface's clock
	Length    uint32 // bytes on the wire
	Data      []byte // what was captured of it
	Options   Options
}

var (
	errPacket    = &FormatError{"bad packet"}
	errInterface = &FormatError{"bad interface description"}
)

// Sizes of what is in front of a packet's data, and of an interface's options, in bytes.
const (
	packetFixed    = packetHeader - blockHead
	interfaceFixed = 8
)

// packetOf takes the body of an enhanced packet block apart.
func packetOf(body []byte, order binary.ByteOrder) (p RawPacket, err error) {
	if len(body) < packetFixed {
		return p, errPacket
	}
	size := uint64(order.Uint32(body[12:]))
	if size > uint64(len(body)-packetFixed) {
		return p, errPacket
	}
	end := packetFixed + size
	return RawPacket{
		Interface: order.Uint32(body), Time: timeOf(body[4:], order), Length: order.Uint32(body[16:]), Data: body[packetFixed:end:end],
		Options: Options{body[min(packetFixed+(size+3)&^3, uint64(len(body))):], order},
	}, nil
}

// timeOf is a time stamp: its upper half comes first.
func timeOf(b []byte, order binary.ByteOrder) uint64 {
	return uint64(order.Uint32(b))<<32 | uint64(order.Uint32(b[4:]))
}

// Direction is what the packet's options say of it.
func (p *RawPacket) Direction() Direction {
	options := p.Options
	for o, ok := options.Next(); ok; o, ok = options.Next() {
		if o.Code == optFlags && len(o.Value) == 4 {
			return Direction(o.order.Uint32(o.Value) & 3)
		}
	}
	return Unknown
}

// Dropped is how many packets were lost before this one, as the packet's options say.
func (p *RawPacket) Dropped() uint64 {
	options := p.Options
	for o, ok := options.Next(); ok; o, ok = options.Next() {
		if o.Code == optDropCount && len(o.Value) == 8 {
			return o.order.Uint64(o.Value)
		}
	}
	return 0
}

// sectionFixed is the size of a section header block up to its options, in bytes.
const sectionFixed = blockHead + 16

// AppendCommented appends a section header block with one more comment, in front of its options.
// Any other block is appended as it is.
func (r Raw) AppendCommented(b []byte, comment string) []byte {
	if r.Kind() != SectionBlock || len(r) < sectionFixed+4 {
		return append(b, r...)
	}
	start := len(b)
	b = append(b, r[:sectionFixed]...)
	rest := r[sectionFixed : len(r)-4]
	b = option(b, optComment, comment)
	if len(rest) == 0 {
		rest = endOptions(nil)
	}
	return end(append(b, rest...), start)
}
