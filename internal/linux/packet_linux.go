package linux

import (
	"errors"
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
// namespace of the thread that opened it and can be read from any.
type Ring struct {
	fd     *FD
	mem    []byte
	block  int
	blocks int
	next   int
}

// OpenRing opens the socket with protocol 0, so that it receives nothing before its filter is attached; binding it to
// the interface and to all protocols sets it going.
func OpenRing(o RingOptions) (*Ring, error) {
	raw, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, wrap("socket AF_PACKET", err)
	}
	r := &Ring{fd: NewFD(raw), block: o.BlockSize, blocks: max(o.Size/o.BlockSize, 2)}
	if err := r.setUp(raw, o); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Ring) setUp(raw int, o RingOptions) (err error) {
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

// SetFilter attaches a program to the socket (SO_ATTACH_FILTER); an empty one is left out.
func (r *Ring) SetFilter(program []bpf.RawInstruction) error {
	if len(program) == 0 {
		return nil
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

// Offsets in struct tpacket_block_desc with a struct tpacket_hdr_v1 (linux/if_packet.h).
const (
	blockStatus = 8
	blockCount  = 12
	blockFirst  = 16
)

// Block returns the next block that the kernel has handed over, or false.
func (r *Ring) Block() (Block, bool) {
	mem := r.mem[r.next*r.block : (r.next+1)*r.block]
	if atomic.LoadUint32(statusOf(mem))&unix.TP_STATUS_USER == 0 {
		return Block{}, false
	}
	return Block{mem: mem, left: native32(mem, blockCount), offset: native32(mem, blockFirst)}, true
}

// Release gives the block that Block returned back to the kernel.
func (r *Ring) Release() {
	atomic.StoreUint32(statusOf(r.mem[r.next*r.block:]), unix.TP_STATUS_KERNEL)
	r.next = (r.next + 1) % r.blocks
}

func statusOf(block []byte) *uint32 { return (*uint32)(unsafe.Pointer(&block[blockStatus])) }

// Statistics returns how many packets the filter let through since the last call, and how many of them were lost
// because the ring was full (packet(7), PACKET_STATISTICS: the first number includes the second).
func (r *Ring) Statistics() (packets, drops uint64, err error) {
	stats, err := unix.GetsockoptTpacketStatsV3(r.fd.Int(), unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, 0, wrap("getsockopt PACKET_STATISTICS", err)
	}
	return uint64(stats.Packets), uint64(stats.Drops), nil
}

// Close releases the ring and the socket.
func (r *Ring) Close() error {
	var err error
	if r.mem != nil {
		err = wrap("munmap ring", unix.Munmap(r.mem))
		r.mem = nil
	}
	return errors.Join(err, r.fd.Close())
}
