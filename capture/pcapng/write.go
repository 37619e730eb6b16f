package pcapng

import (
	"encoding/binary"
	"slices"
)

// Block types.
const (
	SectionBlock    = 0x0A0D0D0A // the same in either byte order
	InterfaceBlock  = 1
	NamesBlock      = 4
	StatisticsBlock = 5
	PacketBlock     = 6 // an enhanced one

	blockOld    = 2
	blockSimple = 3
)

// The numbers that files of the older format begin with, in either byte order
// (draft-ietf-opsawg-pcap).
const (
	PcapMicroseconds = 0xA1B2C3D4
	PcapNanoseconds  = 0xA1B23C4D
)

// Option codes, by block.
const (
	optEnd         = 0
	optComment     = 1
	optHardware    = 2
	optOS          = 3
	optApplication = 4

	optName        = 2
	optDescription = 3
	optMAC         = 6
	optSpeed       = 8
	optResolution  = 9
	optFilter      = 11
	optIfOS        = 12
	optOffset      = 14
	optIfHardware  = 15

	optFlags     = 2
	optDropCount = 4
	optPacketID  = 5
	optProcess   = 8

	optStart     = 2
	optEndTime   = 3
	optReceived  = 4
	optDropped   = 5
	optAccepted  = 6
	optOSDrop    = 7
	optDelivered = 8
)

const byteOrderMagic = 0x1A2B3C4D

// Section is a section header.
type Section struct{ Hardware, OS, Application, Comment string }

// Interface describes one interface of a section. Packets name it by its place, from 0.
type Interface struct {
	LinkType    uint16
	SnapLen     uint32 // bytes, 0 for no limit
	Name        string
	Description string
	MAC         []byte // 6 bytes, or none
	Speed       uint64 // bits per second, 0 if it is not known
	Filter      string // the expression, as typed
	OS          string
	Hardware    string // what kind of device it is
	Comment     string
}

// Direction is a packet's, as seen by the interface.
type Direction uint32

// The directions, as in epb_flags.
const (
	Unknown Direction = iota
	In
	Out
)

// Packet is one packet.
type Packet struct {
	Interface uint32
	Time      uint64 // nanoseconds since 1970
	Length    uint32 // bytes on the wire
	Direction Direction
	Dropped   uint64 // packets that were lost between the one before it and this one; 0 is not written
	ID        uint64 // the packet's own number; 0 is not written
	Process   uint32 // whose packet it is; 0 is not written
	Comment   string
	Data      []byte // what was captured of it
}

// Statistics are an interface's figures since the capture began. Times are nanoseconds since 1970;
// all else counts packets.
type Statistics struct {
	Interface  uint32
	Time       uint64 // of these figures
	Start, End uint64 // of the capture
	Received   uint64 // those that the filter let through, dropped ones included
	Dropped    uint64 // those that the kernel had no room for
	Delivered  uint64 // those in the file
}

var le = binary.LittleEndian

// filterText is if_filter's first byte: what follows is a libpcap expression.
const filterText = "\x00"

// begin appends a block's type and leaves room for its length, which end fills in.
func begin(b []byte, kind uint32) ([]byte, int) {
	start := len(b)
	b = le.AppendUint32(b, kind)
	return le.AppendUint32(b, 0), start
}

func end(b []byte, start int) []byte {
	size := uint32(len(b) - start + 4)
	le.PutUint32(b[start+4:], size)
	return le.AppendUint32(b, size)
}

// maxOption is the most bytes that an option can have.
const maxOption = 1<<16 - 1

// option appends an option, padded to 32 bits; an empty one is left out.
func option[T string | []byte](b []byte, code uint16, value T) []byte {
	if len(value) == 0 {
		return b
	}
	value = value[:min(len(value), maxOption)]
	b = le.AppendUint16(b, code)
	b = le.AppendUint16(b, uint16(len(value)))
	b = append(b, value...)
	for n := len(value); n%4 != 0; n++ {
		b = append(b, 0)
	}
	return b
}

func endOptions(b []byte) []byte { return le.AppendUint32(b, optEnd) }

// AppendSection appends a section header block.
func AppendSection(b []byte, s *Section) []byte {
	b, start := begin(b, SectionBlock)
	b = le.AppendUint32(b, byteOrderMagic)
	b = le.AppendUint16(b, 1) // version 1.0
	b = le.AppendUint16(b, 0)
	b = le.AppendUint64(b, ^uint64(0)) // the section's length is not given
	b = option(b, optComment, s.Comment)
	b = option(b, optHardware, s.Hardware)
	b = option(b, optOS, s.OS)
	b = option(b, optApplication, s.Application)
	return end(endOptions(b), start)
}

// AppendInterface appends an interface description block, with nanoseconds as its unit of time.
func AppendInterface(b []byte, i *Interface) []byte {
	b, start := begin(b, InterfaceBlock)
	b = le.AppendUint16(b, i.LinkType)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, i.SnapLen)
	b = option(b, optComment, i.Comment)
	b = option(b, optName, i.Name)
	b = option(b, optDescription, i.Description)
	b = option(b, optMAC, i.MAC)
	if i.Speed != 0 {
		b = le.AppendUint64(longOption(b, optSpeed), i.Speed)
	}
	b = option(b, optResolution, "\x09") // units of 10^-9 s
	if i.Filter != "" {
		b = option(b, optFilter, filterText+i.Filter)
	}
	b = option(b, optIfOS, i.OS)
	b = option(b, optIfHardware, i.Hardware)
	return end(endOptions(b), start)
}

// AppendPacket appends an enhanced packet block.
func AppendPacket(b []byte, p *Packet) []byte {
	b, start := BeginPacket(b, p, len(p.Data))
	return EndPacket(append(b, p.Data...), start, p)
}

// plainTail is what follows the data of a packet that has only a direction and a number, in bytes:
// two options, their end, and the block's length. With a process there is more.
const (
	plainTail   = 8 + 12 + 4 + 4
	processTail = 12
)

// AppendPlain is AppendPacket for a packet of which its direction, its number, perhaps its process
// and nothing else is known, in less time.
func AppendPlain(b []byte, iface uint32, time uint64, length uint32, d Direction, id uint64, process uint32, data []byte) []byte {
	padded := packetHeader + (len(data)+3)&^3
	start, size := len(b), padded+plainTail
	if process != 0 {
		size += processTail
	}
	b = slices.Grow(b, size)[:start+size]
	h := b[start : start+size : start+size]
	le.PutUint64(h[0:], PacketBlock|uint64(size)<<32)
	le.PutUint64(h[8:], uint64(iface)|time>>32<<32)
	le.PutUint64(h[16:], time&0xffffffff|uint64(len(data))<<32)
	le.PutUint32(h[padded-4:], 0) // the padding
	le.PutUint32(h[24:], length)  // after it: without data they are in the same place
	copy(h[packetHeader:], data)
	tail := h[padded:]
	_ = tail[plainTail-1]
	le.PutUint64(tail[0:], optFlags|4<<16|uint64(d)<<32)
	le.PutUint32(tail[8:], optPacketID|8<<16)
	le.PutUint64(tail[12:], id)
	if process != 0 {
		le.PutUint32(tail[20:], optProcess|8<<16)
		le.PutUint64(tail[24:], uint64(process))
		tail = tail[processTail:]
	}
	le.PutUint64(tail[20:], uint64(size)<<32)
	return b
}

// packetHeader is the size of an enhanced packet block up to the data, in bytes.
const packetHeader = 28

// BeginPacket appends an enhanced packet block up to its data, of which there will be size bytes.
// The caller appends just as many and calls EndPacket.
func BeginPacket(b []byte, p *Packet, size int) ([]byte, int) {
	var h [packetHeader]byte
	le.PutUint32(h[0:], PacketBlock)
	le.PutUint32(h[8:], p.Interface)
	le.PutUint32(h[12:], uint32(p.Time>>32))
	le.PutUint32(h[16:], uint32(p.Time))
	le.PutUint32(h[20:], uint32(size))
	le.PutUint32(h[24:], p.Length)
	return append(b, h[:]...), len(b)
}

// EndPacket completes the block that BeginPacket began at start. It adds the packet's options.
func EndPacket(b []byte, start int, p *Packet) []byte {
	for (len(b)-start)%4 != 0 {
		b = append(b, 0)
	}
	switch {
	case p.Dropped != 0 || p.ID != 0 || p.Process != 0 || p.Comment != "":
		b = packetOptions(b, p)
	case p.Direction != Unknown: // the most common ones
		b = le.AppendUint64(b, optFlags|4<<16|uint64(p.Direction)<<32)
		b = endOptions(b)
	}
	return end(b, start)
}

func packetOptions(b []byte, p *Packet) []byte {
	b = option(b, optComment, p.Comment)
	if p.Direction != Unknown {
		b = le.AppendUint64(b, optFlags|4<<16|uint64(p.Direction)<<32)
	}
	if p.Dropped != 0 {
		b = le.AppendUint64(longOption(b, optDropCount), p.Dropped)
	}
	if p.ID != 0 {
		b = le.AppendUint64(longOption(b, optPacketID), p.ID)
	}
	if p.Process != 0 { // the thread is not known
		b = le.AppendUint64(longOption(b, optProcess), uint64(p.Process))
	}
	return endOptions(b)
}

// AppendStatistics appends an interface statistics block. The kernel's drops are isb_osdrop. They
// are isb_ifdrop too: dumpcap puts them there, and Wireshark looks there.
func AppendStatistics(b []byte, s *Statistics) []byte {
	b, start := begin(b, StatisticsBlock)
	b = le.AppendUint32(b, s.Interface)
	b = appendTime(b, s.Time)
	b = appendTime(longOption(b, optStart), s.Start)
	b = appendTime(longOption(b, optEndTime), s.End)
	b = le.AppendUint64(longOption(b, optReceived), s.Received)
	b = le.AppendUint64(longOption(b, optDropped), s.Dropped)
	b = le.AppendUint64(longOption(b, optAccepted), s.Received)
	b = le.AppendUint64(longOption(b, optOSDrop), s.Dropped)
	b = le.AppendUint64(longOption(b, optDelivered), s.Delivered)
	return end(endOptions(b), start)
}

// longOption appends the head of an option of 8 bytes.
func longOption(b []byte, code uint16) []byte { return le.AppendUint16(le.AppendUint16(b, code), 8) }

// appendTime appends a time stamp: its upper half first, each half in the section's byte order.
func appendTime(b []byte, t uint64) []byte {
	return le.AppendUint32(le.AppendUint32(b, uint32(t>>32)), uint32(t))
}
