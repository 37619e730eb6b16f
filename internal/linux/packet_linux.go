package linux

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// RingOptions say how a Ring is to be made.
type RingOptions struct {
	Interface  int                  // index
	Size       int                  // bytes of the whole ring
	BlockSize  int                  // bytes of a block, a power of two of at least a page
	Latency    time.Duration        // after which a block that is not full is handed over
	Filter     []bpf.RawInstruction // nil: everything
	NoOutgoing bool                 // leave out what the interface sends; on lo each packet would be seen twice
}

// Ring is a packet socket with a TPACKET_V3 ring (packet(7); the kernel's packet_mmap.rst). It belongs to the network
// namespace of the thread that opened it, NewRing's, and can be read from any, once it has been started.
type Ring struct {
	fd             *FD
	mem            []byte
	block          int // bytes of one
	blocks         int
	next           int // the block to be read
	packets, drops uint64
}

// NewRing opens the socket, with protocol 0, so that it receives nothing before Start has attached its filter.
func NewRing() (*Ring, error) {
	raw, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, wrap("socket AF_PACKET", err)
	}
	return &Ring{fd: NewFD(raw)}, nil
}

// Start makes the ring, attaches the filter, and then binds the socket to the interface and to all protocols, which sets
// it going. It can be called from any thread, once, and takes some 10 ms, most of them waiting in the kernel.
func (r *Ring) Start(o RingOptions) (err error) {
	raw := r.fd.Int()
	r.block, r.blocks = o.BlockSize, max(o.Size/o.BlockSize, 2)
	if err := unix.SetsockoptInt(raw, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return wrap("setsockopt PACKET_VERSION", err)
	}
	if o.NoOutgoing {
		if err := unix.SetsockoptInt(raw, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
			return wrap("setsockopt PACKET_IGNORE_OUTGOING", err)
		}
	}
	if err := r.SetFilter(o.Filter); err != nil {
		return err
	}
	const frame = 2048 // only the number of frames is checked against it: packets take what room they need
	req := &unix.TpacketReq3{
		Block_size: uint32(r.block), Block_nr: uint32(r.blocks), Frame_size: frame, Frame_nr: uint32(r.block / frame * r.blocks),
		Retire_blk_tov: uint32(max(o.Latency.Milliseconds(), 1)),
	}
	if err := unix.SetsockoptTpacketReq3(raw, unix.SOL_PACKET, unix.PACKET_RX_RING, req); err != nil {
		return wrap("setsockopt PACKET_RX_RING", err)
	}
	if r.mem, err = unix.Mmap(raw, 0, r.block*r.blocks, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return wrap("mmap ring", err)
	}
	// packet(7): sll_protocol is in network byte order.
	return wrap("bind", unix.Bind(raw, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: o.Interface}))
}

func htons(v uint16) uint16 {
	b := [2]byte{byte(v >> 8), byte(v)}
	return *(*uint16)(unsafe.Pointer(&b))
}

// maxFilter is the kernel's limit, in instructions (BPF_MAXINSNS in linux/bpf_common.h). Counted here as well, since
// the kernel is told the number in 16 bits.
const maxFilter = 4096

// SetFilter attaches a classic BPF program to the socket (socket(7), SO_ATTACH_FILTER) in place of the one before. An
// empty program is left out.
func (r *Ring) SetFilter(program []bpf.RawInstruction) error {
	if len(program) == 0 {
		return nil
	}
	if len(program) > maxFilter {
		return fmt.Errorf("attach filter of %d instructions, the limit is %d: %w", len(program), maxFilter, unix.EINVAL)
	}
	code := make([]unix.SockFilter, len(program))
	for i, ins := range program {
		code[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	prog := &unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	err := unix.SetsockoptSockFprog(r.fd.Int(), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, prog)
	runtime.KeepAlive(code)
	return wrap("setsockopt SO_ATTACH_FILTER", err)
}

// Stop lets nothing more into the ring; what is there stays.
func (r *Ring) Stop() error {
	return r.SetFilter([]bpf.RawInstruction{{Op: unix.BPF_RET | unix.BPF_K}})
}

// Block returns the next block that the kernel has handed over, or false.
func (r *Ring) Block() (Block, bool) {
	mem := r.current()
	if atomic.LoadUint32(word(mem, blockStatus))&unix.TP_STATUS_USER == 0 {
		return Block{}, false
	}
	return NewBlock(mem), true
}

// Empty says that no packet waits in the ring: the block that comes next is still the kernel's and has none in it yet.
// The kernel counts a block's packets as it writes them (prb_fill_curr_block in net/packet/af_packet.c). While it has no
// block to write to, the number is an old one and Empty may be false without need.
func (r *Ring) Empty() bool {
	mem := r.current()
	return atomic.LoadUint32(word(mem, blockStatus))&unix.TP_STATUS_USER == 0 && atomic.LoadUint32(word(mem, blockCount)) == 0
}

// Release gives the block that Block returned back to the kernel; its frames are not valid any longer.
func (r *Ring) Release() {
	atomic.StoreUint32(word(r.current(), blockStatus), unix.TP_STATUS_KERNEL)
	r.next = (r.next + 1) % r.blocks
}

// current is the block to be read; a slice expression out of the ring would panic.
func (r *Ring) current() []byte { return r.mem[r.next*r.block : (r.next+1)*r.block] }

// word points at 32 bits which the kernel changes meanwhile. Blocks begin on a page and the offsets are multiples of 4.
func word(block []byte, offset int) *uint32 { return (*uint32)(unsafe.Pointer(&block[offset])) }

// Statistics returns how many packets the filter let through since the ring was opened, and how many of them were lost
// because it was full (packet(7), PACKET_STATISTICS: the first number includes the second). The kernel counts in 32
// bits, and anew after each call: one is due every few minutes.
func (r *Ring) Statistics() (packets, drops uint64, err error) {
	stats, err := unix.GetsockoptTpacketStatsV3(r.fd.Int(), unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return r.packets, r.drops, wrap("getsockopt PACKET_STATISTICS", err)
	}
	r.packets += uint64(stats.Packets)
	r.drops += uint64(stats.Drops)
	return r.packets, r.drops, nil
}

// Close releases the ring and the socket. It takes some 20 ms, in which the kernel waits for readers to be gone.
func (r *Ring) Close() error {
	var err error
	if r.mem != nil {
		err = wrap("munmap ring", unix.Munmap(r.mem))
		r.mem = nil
	}
	return errors.Join(err, r.fd.Close())
}
