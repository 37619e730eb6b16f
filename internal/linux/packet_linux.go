package linux

import (
	"errors"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// RingOptions say how a Ring is to be made.
type RingOptions struct {
	Interface  int                  // index; 0 for every interface, those to come included
	Size       int                  // bytes of the whole ring
	BlockSize  int                  // bytes of a block, a power of two of at least a page
	Latency    time.Duration        // after which a block that is not full is handed over
	Filter     []bpf.RawInstruction // nil: everything
	NoOutgoing bool                 // leave out what the interface sends; on lo each packet would be seen twice
}

// Ring is a packet socket with a TPACKET_V3 ring (packet(7); the kernel's packet_mmap.rst). It
// belongs to the network namespace of the thread that called NewRing. Once it has been reserved,
// started and mapped, any thread can read it.
type Ring struct {
	packetSocket
	mem            []byte
	block          int // bytes of one
	blocks         int
	next           int    // the block to be read
	seen           uint64 // the sequence number of the last one that was read
	stopped        bool
	packets, drops uint64
}

// NewRing opens the socket with protocol 0: it receives nothing before Start attaches its filter.
func NewRing() (*Ring, error) {
	s, err := openPacketSocket(unix.SOCK_RAW)
	if err != nil {
		return nil, err
	}
	return &Ring{packetSocket: s}, nil
}

// RingOf is a ring for tests, in memory that no socket fills. Its blocks have the given size in
// bytes. It can only be read, stopped or not.
func RingOf(mem []byte, block int) *Ring {
	return &Ring{mem: mem, block: block, blocks: len(mem) / block}
}

// Reserve makes the ring, once, from any thread. It takes some 8 ms at any size, as the kernel
// waits (synchronize_net in packet_set_ring, net/packet/af_packet.c).
func (r *Ring) Reserve(o RingOptions) error {
	raw := r.fd.Int()
	r.block, r.blocks = o.BlockSize, max(o.Size/o.BlockSize, 2)
	if err := unix.SetsockoptInt(raw, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return wrap("setsockopt PACKET_VERSION", err)
	}
	const frame = 2048 // only the number of frames is checked against it: packets take what room they need
	req := &unix.TpacketReq3{
		Block_size: uint32(r.block), Block_nr: uint32(r.blocks), Frame_size: frame, Frame_nr: uint32(r.block / frame * r.blocks),
		Retire_blk_tov: uint32(max(o.Latency.Milliseconds(), 1)),
	}
	return wrap("setsockopt PACKET_RX_RING", unix.SetsockoptTpacketReq3(raw, unix.SOL_PACKET, unix.PACKET_RX_RING, req))
}

// Start attaches the filter. It then binds the socket to the interface and to all protocols: that
// sets the ring going that Reserve made. It can be called from any thread, once.
func (r *Ring) Start(o RingOptions) error { return r.start(&o) }

// Map makes the ring readable, which takes nearly 2 ms for 32 MiB. It fills meanwhile.
func (r *Ring) Map() (err error) {
	r.mem, err = unix.Mmap(r.fd.Int(), 0, r.block*r.blocks, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return wrap("mmap ring", err)
}

// Move has the ring receive another interface's packets.
func (r *Ring) Move(index int) error { return r.bind(index, unix.ETH_P_ALL) }

// Stop lets nothing more into the ring. Block still returns what is there, to the last packet, even
// from a block that is not full. It takes some 10 ms: the kernel waits for packets on their way.
func (r *Ring) Stop() error {
	if err := r.dropAll(); err != nil {
		return err
	}
	// The waiting is what is wanted. Another protocol's packets would not pass the filter either.
	if err := r.bind(0, unix.ETH_P_LOOPBACK); err != nil {
		return err
	}
	r.stopped = true
	return nil
}

// Block returns the next block that the kernel has handed over, or false.
func (r *Ring) Block() (Block, bool) {
	mem := r.current()
	partly := r.stopped && r.begun(mem) && atomic.LoadUint32(word(mem, blockCount)) > 0
	if !partly && !handedOver(mem) {
		return Block{}, false
	}
	r.seen = sequence(mem)
	b := NewBlock(mem)
	b.Lossy = b.Lossy || partly // nobody has said that there was no loss
	return b, true
}

func handedOver(block []byte) bool {
	return atomic.LoadUint32(word(block, blockStatus))&unix.TP_STATUS_USER != 0
}

// begun says whether the kernel writes to the block: it numbers them as it begins them
// (prb_open_block in net/packet/af_packet.c). As long as all were full, the next one still has the
// number of the round before.
func (r *Ring) begun(block []byte) bool { return sequence(block) == r.seen+1 }

func sequence(block []byte) uint64 {
	return atomic.LoadUint64((*uint64)(unsafe.Pointer(&block[blockSequence])))
}

// Oldest is a time in nanoseconds since 1970. If Block had none, no older packet is in the ring.
// now is the caller's clock, read before.
func (r *Ring) Oldest(now uint64) uint64 {
	mem := r.current()
	if handedOver(mem) || !r.begun(mem) || atomic.LoadUint32(word(mem, blockCount)) == 0 {
		return now
	}
	return min(now, uint64(native32(mem, blockFirstSec))*uint64(time.Second)+uint64(native32(mem, blockFirstNsec)))
}

// HalfFull says that half of the ring waits to be read.
func (r *Ring) HalfFull() bool {
	at := (r.next + r.blocks/2) % r.blocks
	return handedOver(r.mem[at*r.block : (at+1)*r.block])
}

// Release gives the kernel the block that Block returned. Its frames are not valid any longer.
func (r *Ring) Release() {
	atomic.StoreUint32(word(r.current(), blockStatus), unix.TP_STATUS_KERNEL)
	r.next = (r.next + 1) % r.blocks
}

// current is the block to be read; a slice expression out of the ring would panic.
func (r *Ring) current() []byte { return r.mem[r.next*r.block : (r.next+1)*r.block] }

// word points at 32 bits which the kernel changes meanwhile. Blocks begin on a page and the offsets
// are multiples of 4, the sequence number's one of 8.
func word(block []byte, offset int) *uint32 { return (*uint32)(unsafe.Pointer(&block[offset])) }

// Statistics returns how many packets passed the filter since the ring was opened, and how many of
// these were lost because it was full (packet(7), PACKET_STATISTICS). The kernel counts in 32 bits,
// anew after each call, so a call is due every few minutes.
func (r *Ring) Statistics() (packets, drops uint64, err error) {
	stats, err := unix.GetsockoptTpacketStatsV3(r.fd.Int(), unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return r.packets, r.drops, wrap("getsockopt PACKET_STATISTICS", err)
	}
	r.packets += uint64(stats.Packets)
	r.drops += uint64(stats.Drops)
	return r.packets, r.drops, nil
}

// Descriptor is the socket's, to wait for: it can be read when Block has a block. It
// stays the ring's.
func (r *Ring) Descriptor() int { return r.fd.Int() }

// Close releases the ring and the socket. It takes some 20 ms, in which the kernel waits for
// readers to be gone.
func (r *Ring) Close() error {
	var err error
	if r.mem != nil {
		err = wrap("munmap ring", unix.Munmap(r.mem))
		r.mem = nil
	}
	return errors.Join(err, r.fd.Close())
}
