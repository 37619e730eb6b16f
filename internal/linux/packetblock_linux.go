package linux

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// Offsets in struct tpacket_block_desc with a struct tpacket_hdr_v1 (linux/if_packet.h).
const (
	blockStatus = 8
	blockCount  = 12
	blockFirst  = 16
	blockHeader = 48
)

// Block is a block of a Ring while its packets are read.
type Block struct {
	mem    []byte
	left   uint32
	offset uint64
}

// NewBlock reads the header of a block. One that is too short for a header has no packets.
func NewBlock(mem []byte) Block {
	if len(mem) < blockHeader {
		return Block{}
	}
	return Block{mem: mem, left: native32(mem, blockCount), offset: uint64(native32(mem, blockFirst))}
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

// Next reads the next packet into f, or returns false after the last. Everything is checked
// against the block, although only the kernel writes there.
func (b *Block) Next(f *Frame) bool {
	if b.left == 0 || b.offset+frameHeader > uint64(len(b.mem)) {
		return false
	}
	h := b.mem[b.offset:]
	status := native32(h, frameStatus)
	start := uint64(binary.NativeEndian.Uint16(h[frameMac:]))
	end := start + uint64(native32(h, frameSnaplen))
	if end > uint64(len(h)) {
		return false
	}
	f.Seconds, f.Nanoseconds = native32(h, frameSec), native32(h, frameNsec)
	f.Length = native32(h, frameLen)
	f.Data = h[start:end:end]
	f.Outgoing = h[framePktType] == unix.PACKET_OUTGOING
	f.VLAN = status&unix.TP_STATUS_VLAN_VALID != 0
	f.TCI, f.TPID = uint16(native32(h, frameTCI)), unix.ETH_P_8021Q
	if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		f.TPID = binary.NativeEndian.Uint16(h[frameTPID:])
	}
	b.left--
	next := native32(h, frameNext)
	if next < frameHeader {
		b.left = 0 // the last packet, whatever the count says
	}
	b.offset += uint64(next)
	return true
}

// Time is when the kernel saw the packet, in nanoseconds since 1970.
func (f *Frame) Time() uint64 {
	return uint64(f.Seconds)*uint64(time.Second) + uint64(f.Nanoseconds)
}

func native32(b []byte, offset int) uint32 { return binary.NativeEndian.Uint32(b[offset:]) }
