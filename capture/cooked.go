package capture

import (
	"errors"

	"golang.org/x/net/bpf"

	"dlx/capture/linktype"
)

// errCooked reports a filter that the kernel can not apply to packets without a link header.
var errCooked = errors.New("the expression asks for a link-layer address, which the kernel can not filter by on this kind of interface")

// cooked turns a program for LINKTYPE_LINUX_SLL2 into one that a socket can run. dlx makes that
// header itself, so its fields are loaded from the kernel's. All else is loaded from the network
// header on, whatever comes before it.
func cooked(program []bpf.RawInstruction) ([]bpf.RawInstruction, error) {
	fields := map[bpf.RawInstruction]uint32{
		{Op: opLoadHalf, K: linktype.SLL2Protocol}: adProtocol, {Op: opLoadWord, K: linktype.SLL2Interface}: adInterface,
		{Op: opLoadHalf, K: linktype.SLL2Hardware}: adHardware, {Op: opLoadByte, K: linktype.SLL2PacketType}: adPacketType,
	}
	const (
		classMask, load        = 0x07, 0x00
		modeMask, absolute, by = 0xe0, 0x20, 0x40 // BPF_ABS, BPF_IND
	)
	out := make([]bpf.RawInstruction, len(program))
	for i, ins := range program {
		out[i] = ins
		fromPacket := ins.Op&classMask == load && (ins.Op&modeMask == absolute || ins.Op&modeMask == by) || ins.Op == opLoadMsh
		switch field, ok := fields[ins]; {
		case !fromPacket || int32(ins.K) < 0:
		case ok:
			out[i].K = field
		case ins.K >= linktype.SLL2Size:
			out[i].K = ins.K - linktype.SLL2Size + atNetwork
		default:
			return nil, errCooked
		}
	}
	return out, nil
}
