package linux

import (
	"fmt"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// packetSocket is a packet socket (packet(7)). It belongs to the network namespace of the thread
// that opened it, and can be used from any.
type packetSocket struct{ fd *FD }

// openPacketSocket opens one of SOCK_RAW or SOCK_DGRAM, with protocol 0, so that it receives
// nothing before a filter is attached.
func openPacketSocket(kind int) (packetSocket, error) {
	raw, err := unix.Socket(unix.AF_PACKET, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return packetSocket{}, wrap("socket AF_PACKET", err)
	}
	return packetSocket{NewFD(raw)}, nil
}

// start attaches the filter, and then binds the socket to the interface and to all protocols.
func (s packetSocket) start(o *RingOptions) error {
	if o.NoOutgoing {
		if err := unix.SetsockoptInt(s.fd.Int(), unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
			return wrap("setsockopt PACKET_IGNORE_OUTGOING", err)
		}
	}
	if err := s.SetFilter(o.Filter); err != nil {
		return err
	}
	return s.bind(o.Interface, unix.ETH_P_ALL)
}

// bind has the socket receive a protocol's packets (linux/if_ether.h)
// on an interface. If it was bound before, the kernel first waits for
// packets on their way (packet_do_bind in net/packet/af_packet.c).
func (s packetSocket) bind(index int, protocol uint16) error {
	// packet(7): sll_protocol is in network byte order.
	return wrap("bind", unix.Bind(s.fd.Int(), &unix.SockaddrLinklayer{Protocol: htons(protocol), Ifindex: index}))
}

func htons(v uint16) uint16 {
	b := [2]byte{byte(v >> 8), byte(v)}
	return *(*uint16)(unsafe.Pointer(&b))
}

// SetFilter attaches a classic BPF program to the socket (socket(7), SO_ATTACH_FILTER) in place of
// the one before. An empty program is left out. Instructions are counted here as well, since the
// kernel is told the number in 16 bits.
func (s packetSocket) SetFilter(program []bpf.RawInstruction) error {
	if len(program) == 0 {
		return nil
	}
	if len(program) > maxProgram {
		return fmt.Errorf("attach filter of %d instructions, the limit is %d: %w", len(program), maxProgram, unix.EINVAL)
	}
	err := unix.SetsockoptSockFprog(s.fd.Int(), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, sockFprog(program))
	return wrap("setsockopt SO_ATTACH_FILTER", err)
}

// dropAll lets no packet in any more, but those that are past the filter already.
func (s packetSocket) dropAll() error {
	return s.SetFilter([]bpf.RawInstruction{{Op: unix.BPF_RET | unix.BPF_K}})
}

// membarrierGlobal is MEMBARRIER_CMD_GLOBAL (linux/membarrier.h).
const membarrierGlobal = 1

// CanSynchronizeRCU says whether SynchronizeRCU works here: not where processors run without a tick
// (membarrier(2), EINVAL).
func CanSynchronizeRCU() bool {
	commands, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, 0, 0, 0)
	return errno == 0 && commands&membarrierGlobal != 0
}

// SynchronizeRCU waits until the kernel is done with every packet that was on its way through
// sockets when it was called. That takes some 8 ms, a grace period of RCU: its lock is held while
// packets are handed to packet sockets (membarrier(2), MEMBARRIER_CMD_GLOBAL;
// kernel/sched/membarrier.c; deliver_skb in net/core/dev.c).
func SynchronizeRCU() error {
	if _, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, membarrierGlobal, 0, 0); errno != 0 {
		return wrap("membarrier", errno)
	}
	return nil
}
