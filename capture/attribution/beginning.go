package attribution

import (
	"golang.org/x/net/bpf"

	"dlx/capture/process"
)

// tapSnap is how many bytes of a packet the tap keeps: two headers of the usual size, and some
// options.
const tapSnap = 128

// domainPort is DNS's.
const domainPort = 53

// beginnings passes IP packets that begin something short: TCP segments with SYN, and UDP to port
// 53. The program begins at the network header.
var beginnings = assemble([]bpf.Instruction{
	bpf.LoadAbsolute{Off: 0, Size: 1},
	bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf0},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0x60, SkipTrue: 11},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0x40, SkipTrue: 18},
	// IPv4
	bpf.LoadAbsolute{Off: ip4Fragment, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x1fff, SkipTrue: 16},
	bpf.LoadMemShift{Off: 0},
	bpf.LoadAbsolute{Off: ip4Protocol, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: process.UDP, SkipTrue: 3},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: process.TCP, SkipTrue: 12},
	bpf.LoadIndirect{Off: tcpFlags, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: tcpSYN, SkipTrue: 9, SkipFalse: 10},
	bpf.LoadIndirect{Off: 2, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: domainPort, SkipTrue: 7, SkipFalse: 8},
	// IPv6
	bpf.LoadAbsolute{Off: ip6Next, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: process.UDP, SkipTrue: 3},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: process.TCP, SkipTrue: 5},
	bpf.LoadAbsolute{Off: ip6Header + tcpFlags, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: tcpSYN, SkipTrue: 2, SkipFalse: 3},
	bpf.LoadAbsolute{Off: ip6Header + 2, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: domainPort, SkipFalse: 1},
	bpf.RetConstant{Val: tapSnap},
	bpf.RetConstant{Val: 0},
})

// assemble assembles a program that is known to be right.
func assemble(program []bpf.Instruction) []bpf.RawInstruction {
	raw, err := bpf.Assemble(program)
	if err != nil {
		panic(err)
	}
	return raw
}
