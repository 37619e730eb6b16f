package pcapng

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// Bounds of what a Reader takes and keeps.
const (
	minBlock      = 12       // bytes
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
	section    Section
	interfaces []readInterface
	names      nameTable
	block      []byte // the last one, whole
}

// NewReader returns a reader of the file that comes from r.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, 1<<16)} }

// Buffered says whether more of the file has been read already.
func (r *Reader) Buffered() bool { return r.r.Buffered() > 0 }

// Interface returns what the file says of the interface of the packet that Next returned last. For
// any other packet it may be the zero value, since each section has interfaces of its own.
func (r *Reader) Interface(p *Packet) Interface {
	if uint64(p.Interface) >= uint64(len(r.interfaces)) {
		return Interface{}
	}
	return r.interfaces[p.Interface].Interface
}

// Section returns what the file says of the section that the last block belongs to.
func (r *Reader) Section() Section { return r.section }

// Next reads up to and including the next packet; blocks of other kinds are noted or passed over.
// Packets without a time (simple packet blocks) have the time 0. The packet's data are valid until
// the next call. The end of the file is io.EOF; a broken one is a *FormatError; errors of the
// underlying reader come as they are.
func (r *Reader) Next() (Packet, error) {
	for {
		b, err := r.NextBlock()
		if err != nil || b.IsPacket {
			return b.Packet, err
		}
	}
}

// Block is one block of a file, as it stands there.
type Block struct {
	Kind     uint32
	IsPacket bool
	Packet   Packet // if it is one
	Bytes    []byte // all of the block, in the section's byte order
}

// NextBlock is Next for blocks of every kind. The block's bytes are valid until the next call.
func (r *Reader) NextBlock() (Block, error) {
	kind, body, err := r.readBlock()
	b := Block{Kind: kind, Bytes: r.block}
	if err != nil {
		return Block{}, err
	}
	switch kind {
	case SectionBlock:
		err = r.newSection(body)
	case InterfaceBlock:
		err = r.addInterface(body)
	case NamesBlock:
		r.addNames(body)
	case PacketBlock:
		b.IsPacket = true
		b.Packet, err = r.packet(body)
	case blockSimple:
		b.IsPacket = true
		b.Packet, err = r.simple(body)
	case blockOld:
		b.IsPacket = true
		b.Packet, err = r.old(body)
	}
	return b, err
}

// Plain says whether the last block can stand unchanged in a file of this package: it is in
// little-endian order, and its interface's times are nanoseconds since 1970.
func (r *Reader) Plain(b *Block) bool {
	if r.order != binary.LittleEndian {
		return false
	}
	id := uint32(len(r.interfaces)) - 1
	switch {
	case b.IsPacket && b.Kind != PacketBlock:
		return false
	case b.IsPacket:
		id = b.Packet.Interface
	case b.Kind == StatisticsBlock && len(b.Bytes) >= minBlock+4:
		id = r.order.Uint32(b.Bytes[blockHead:])
	case b.Kind != InterfaceBlock:
		return true
	}
	if uint64(id) >= uint64(len(r.interfaces)) {
		return false
	}
	i := &r.interfaces[id]
	return i.perSecond == nanoseconds && i.offset == 0
}

// LastInterface is the interface that was described last.
func (r *Reader) LastInterface() Interface {
	if len(r.interfaces) == 0 {
		return Interface{}
	}
	return r.interfaces[len(r.interfaces)-1].Interface
}

// newSection takes a section header block apart.
func (r *Reader) newSection(body []byte) error {
	const fixed = 4 + 12 // magic number, version and length
	if len(body) < fixed || r.order.Uint16(body[4:]) != 1 {
		return &FormatError{"its version is unknown"}
	}
	r.section, r.interfaces, r.names = Section{}, r.interfaces[:0], nameTable{}
	options := Options{body[fixed:], r.order}
	for o, ok := options.Next(); ok; o, ok = options.Next() {
		switch o.Code {
		case optComment:
			r.section.Comment = text(o.Value)
		case optHardware:
			r.section.Hardware = text(o.Value)
		case optOS:
			r.section.OS = text(o.Value)
		case optApplication:
			r.section.Application = text(o.Value)
		}
	}
	return nil
}

// blockHead is the size of a block's type and first length, in bytes.
const blockHead = 8

// readBlock reads one block and returns what is between its lengths.
func (r *Reader) readBlock() (kind uint32, body []byte, err error) {
	r.block = slices.Grow(r.block[:0], minBlock)[:blockHead]
	if _, err := io.ReadFull(r.r, r.block); err != nil {
		return 0, nil, cut(err, false)
	}
	if kind = le.Uint32(r.block); kind == SectionBlock { // the same in either order
		r.block = r.block[:blockHead+4]
		if _, err := io.ReadFull(r.r, r.block[blockHead:]); err != nil {
			return 0, nil, cut(err, true)
		}
		if err := r.setOrder(r.block[blockHead:]); err != nil {
			return 0, nil, err
		}
	}
	if r.order == nil {
		return 0, nil, &FormatError{"it does not begin with a section header"}
	}
	kind = r.order.Uint32(r.block)
	body, err = r.rest(r.order.Uint32(r.block[4:]))
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

// rest reads what is left of a block of the given size, and checks the length at its end.
func (r *Reader) rest(size uint32) ([]byte, error) {
	done := len(r.block)
	if err := checkSize(size, done+4); err != nil {
		return nil, err
	}
	r.block = slices.Grow(r.block, int(size)-done)[:size]
	if _, err := io.ReadFull(r.r, r.block[done:]); err != nil {
		return nil, cut(err, true)
	}
	if r.order.Uint32(r.block[size-4:]) != size {
		return nil, errLengths
	}
	return r.block[blockHead : size-4], nil
}
