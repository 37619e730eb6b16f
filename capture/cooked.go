package capture

import (
	"errors"

	"golang.org/x/net/bpf"
)

// errCooked reports a filter that asks for what is not at hand in the kernel of a packet without a link header.
var errCooked = errors.New("the expression asks for a link-layer address, which the kernel can not filter by on this kind of interface")

// Offsets in the header of LINKTYPE_LINUX_SLL2 (pcap-linktype(7)).
const (
	cookedHeader     = 20
	cookedProtocol   = 0
	cookedInterface  = 4
	cookedHardware   = 8
	cookedPacketType = 10
)

// cooked turns a program for LINKTYPE_LINUX_SLL2 into one that a socket can run: the header is dlx's own making, so that
// its fields are loaded from the kernel's and the rest from the network header on, whatever comes before it.
func cooked(program []bpf.RawInstruction) ([]bpf.RawInstruction, error) {
	fields := map[bpf.RawInstruction]uint32{
		{Op: opLoadHalf, K: cookedProtocol}: adProtocol, {Op: opLoadWord, K: cookedInterface}: adInterface,
		{Op: opLoadHalf, K: cookedHardware}: adHardware, {Op: opLoadByte, K: cookedPacketType}: adPacketType,
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
		case ins.K >= cookedHeader:
			out[i].K = ins.K - cookedHeader + atNetwork
		default:
			return nil, errCooked
		}
	}
	return out, nil
}
