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
	extension bpf.Extension // the load: of the kind of interface, or of its index
}

// dispatch makes one program of the arms; packets that none is for are dropped. A single arm
// without values is for all.
func dispatch(arms []arm, d Direction) ([]bpf.RawInstruction, error) {
	var out []bpf.Instruction
	switch d {
	case In:
		out = append(out, packetType(0, 1)...)
	case Out:
		out = append(out, packetType(1, 0)...)
	}
	var bodies []bpf.Instruction
	var starts []uint32 // of each arm, in bodies
	for _, a := range arms {
		starts = append(starts, uint32(len(bodies)))
		if a.loopback && d == Both {
			bodies = append(bodies, packetType(0, 1)...)
		}
		for _, ins := range a.program {
			bodies = append(bodies, ins)
		}
	}
	if len(arms) == 1 && len(arms[0].values) == 0 {
		return bpf.Assemble(append(out, bodies...))
	}
	const nothing bpf.Extension = -1
	tests := 0
	loads := nothing
	for _, a := range arms {
		if len(a.values) > 0 && a.extension != loads {
			loads = a.extension
			tests++
		}
		tests += 2 * len(a.values)
	}
	left := uint32(tests)
	loads = nothing
	for i, a := range arms {
		if len(a.values) > 0 && a.extension != loads {
			loads = a.extension
			out = append(out, bpf.LoadExtension{Num: loads})
			left--
		}
		for _, v := range a.values { // a jump of its own: conditional ones reach no further than 255
			left -= 2
			out = append(out, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipFalse: 1}, bpf.Jump{Skip: left + 1 + starts[i]})
		}
	}
	return bpf.Assemble(append(append(out, bpf.RetConstant{}), bodies...))
}

// packetType goes on with what follows it if the jump for the packet's direction is 1, and drops
// the packet if it is 0.
func packetType(outgoing, other uint8) []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: linktype.Outgoing, SkipTrue: outgoing, SkipFalse: other},
		bpf.RetConstant{},
	}
}

// keepAll is the program of no filter. The kernel cuts packets with it:
// what is not copied into the ring costs nothing.
func keepAll(snaplen uint32) ([]bpf.RawInstruction, error) {
	return bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: snaplen}})
}
