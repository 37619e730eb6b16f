package linux

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"

	"dlx/capture/linktype"
)

// Offsets in struct tpacket_block_desc with a struct tpacket_hdr_v1 (linux/if_packet.h).
const (
	blockStatus    = 8
	blockCount     = 12
	blockFirst     = 16
	blockSequence  = 24 // 64 bits
	blockFirstSec  = 32 // of the first packet, or of the block's beginning
	blockFirstNsec = 36
	blockHeader    = 48
)

// Block is a block of a Ring while its packets are read.
type Block struct {
	// Lossy says that packets may have been lost before those of this block, since the statistics
	// were last asked for (prb_close_block in net/packet/af_packet.c).
	Lossy  bool
	mem    []byte
	left   uint32
	offset uint64
}

// NewBlock reads the header of a block. One that is too short for a header has no packets.
func NewBlock(mem []byte) Block {
	if len(mem) < blockHeader {
		return Block{}
	}
	return Block{Lossy: native32(mem, blockStatus)&unix.TP_STATUS_LOSING != 0, mem: mem, left: native32(mem, blockCount), offset: uint64(native32(mem, blockFirst))}
}

// Frame is a packet in a Block; its bytes are the ring's.
type Frame struct {
	Time      uint64 // when the kernel saw it, in nanoseconds since 1970
	Length    uint32 // on the wire, without a VLAN tag that was taken out
	Interface int32  // index
	Data      []byte // as far as it was captured
	Outgoing  bool
	VLAN      bool   // a tag was taken out: see Tag
	header    []byte // struct tpacket3_hdr and what follows
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
	frameNet     = 26
	frameTCI     = 32
	frameTPID    = 36
	frameAddress = 48 // struct sockaddr_ll
	frameHeader  = frameAddress + 20

	addressProtocol = frameAddress + 2 // big-endian
	addressIndex    = frameAddress + 4
	addressHardware = frameAddress + 8
	addressPktType  = frameAddress + 10
	addressLength   = frameAddress + 11
	addressBytes    = frameAddress + 12
)

// Next reads the next packet into f, or returns false after the last. Everything is checked
// against the block, although only the kernel writes there.
func (b *Block) Next(f *Frame) bool {
	if b.left == 0 || b.offset+frameHeader > uint64(len(b.mem)) {
		return false
	}
	h := b.mem[b.offset:]
	start := uint64(binary.NativeEndian.Uint16(h[frameMac:]))
	end := start + uint64(native32(h, frameSnaplen))
	if end > uint64(len(h)) {
		return false
	}
	status := native32(h, frameStatus)
	f.Time = uint64(native32(h, frameSec))*uint64(time.Second) + uint64(native32(h, frameNsec))
	f.Length = native32(h, frameLen)
	f.Interface = int32(native32(h, addressIndex))
	f.Data = h[start:end:end]
	f.Outgoing = h[addressPktType] == unix.PACKET_OUTGOING
	f.VLAN = status&unix.TP_STATUS_VLAN_VALID != 0
	f.header = h
	b.left--
	next := native32(h, frameNext)
	if next < frameHeader {
		b.left = 0 // the last packet, whatever the count says
	}
	b.offset += uint64(next)
	return true
}

// Tag is the VLAN tag that the kernel took out: its type and its control information.
func (f *Frame) Tag() (tpid, tci uint16) {
	tpid = unix.ETH_P_8021Q
	if native32(f.header, frameStatus)&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		tpid = binary.NativeEndian.Uint16(f.header[frameTPID:])
	}
	return tpid, uint16(native32(f.header, frameTCI))
}

// Hardware is the type of the packet's interface, an ARPHRD_ number (linux/if_arp.h).
func (f *Frame) Hardware() uint16 { return binary.NativeEndian.Uint16(f.header[addressHardware:]) }

// Network is where in Data the network header begins; it may be past the end.
func (f *Frame) Network() int {
	h := f.header
	return max(int(binary.NativeEndian.Uint16(h[frameNet:]))-int(binary.NativeEndian.Uint16(h[frameMac:])), 0)
}

// AppendCooked appends the header of packets without a usable
// link header (pcap-linktype(7), LINKTYPE_LINUX_SLL2).
func (f *Frame) AppendCooked(b []byte) []byte {
	h := f.header
	cooked := linktype.SLL2{
		Protocol: binary.BigEndian.Uint16(h[addressProtocol:]), Interface: uint32(f.Interface), Hardware: f.Hardware(),
		PacketType: h[addressPktType], AddressSize: h[addressLength], Address: [linktype.MaxAddress]byte(h[addressBytes:]),
	}
	return cooked.Append(b)
}

func native32(b []byte, offset int) uint32 { return binary.NativeEndian.Uint32(b[offset:]) }
