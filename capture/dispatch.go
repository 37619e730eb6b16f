package capture

import (
	"golang.org/x/net/bpf"

	"dlx/capture/linktype"
)

// One socket receives the packets of all interfaces, whose headers differ. So its program first
// asks for the kind of a packet's interface, and goes on with the program for that kind.

// arm is the part of a program for some interfaces.
type arm struct {
	values    []uint32 // of the ancillary load that tells the interfaces apart
	loopback  bool     // each packet is seen twice: leave out one
	program   []bpf.RawInstruction
	extension uint32 // the load, SKF_AD_HATYPE or SKF_AD_IFINDEX
}

// Classic BPF (linux/bpf_common.h) and the kernel's ancillary loads (linux/filter.h).
const (
	opLoadByte = 0x30 // BPF_LD|BPF_B|BPF_ABS
	opLoadHalf = 0x28
	opLoadWord = 0x20
	opLoadMsh  = 0xb1 // BPF_LDX|BPF_B|BPF_MSH
	opJumpEq   = 0x15 // BPF_JMP|BPF_JEQ|BPF_K
	opJump     = 0x05 // BPF_JMP|BPF_JA
	opReturn   = 0x06 // BPF_RET|BPF_K

	ancillary    = 0xfffff000 // SKF_AD_OFF
	adProtocol   = ancillary + 0
	adPacketType = ancillary + 4
	adInterface  = ancillary + 8
	adHardware   = ancillary + 28
	atNetwork    = 0xfff00000 // SKF_NET_OFF: what follows counts from the network header
)

// dispatch makes one program of the arms; packets that none is for are dropped. A single arm
// without values is for all.
func dispatch(arms []arm, d Direction) []bpf.RawInstruction {
	var out []bpf.RawInstruction
	switch d {
	case In:
		out = append(out, packetType(0, 1)...)
	case Out:
		out = append(out, packetType(1, 0)...)
	}
	var bodies []bpf.RawInstruction
	var starts []uint32 // of each arm, in bodies
	for _, a := range arms {
		starts = append(starts, uint32(len(bodies)))
		if a.loopback && d == Both {
			bodies = append(bodies, packetType(0, 1)...)
		}
		bodies = append(bodies, a.program...)
	}
	if len(arms) == 1 && len(arms[0].values) == 0 {
		return append(out, bodies...)
	}
	tests := 0
	loads := uint32(0)
	for _, a := range arms {
		if len(a.values) > 0 && a.extension != loads {
			loads = a.extension
			tests++
		}
		tests += 2 * len(a.values)
	}
	left := uint32(tests)
	loads = 0
	for i, a := range arms {
		if len(a.values) > 0 && a.extension != loads {
			loads = a.extension
			out = append(out, bpf.RawInstruction{Op: opLoadWord, K: loads})
			left--
		}
		for _, v := range a.values { // a jump of its own: conditional ones reach no further than 255
			left -= 2
			out = append(out, bpf.RawInstruction{Op: opJumpEq, Jf: 1, K: v}, bpf.RawInstruction{Op: opJump, K: left + 1 + starts[i]})
		}
	}
	return append(append(out, bpf.RawInstruction{Op: opReturn}), bodies...)
}

// packetType goes on with what follows it if the jump for the packet's direction is 1, and drops
// the packet if it is 0.
func packetType(outgoing, other uint8) []bpf.RawInstruction {
	return []bpf.RawInstruction{
		{Op: opLoadWord, K: adPacketType},
		{Op: opJumpEq, Jt: outgoing, Jf: other, K: linktype.Outgoing},
		{Op: opReturn},
	}
}

// keepAll is the program of no filter. The kernel cuts packets with it:
// what is not copied into the ring costs nothing.
func keepAll(snaplen uint32) []bpf.RawInstruction {
	return []bpf.RawInstruction{{Op: opReturn, K: snaplen}}
}
