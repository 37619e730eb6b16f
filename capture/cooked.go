package capture

import (
	"errors"

	"golang.org/x/net/bpf"

	"dlx/capture/linktype"
)

// errCooked reports a filter that the kernel can not apply to packets without a link header.
var errCooked = errors.New("the expression asks for a link-layer address, which the kernel can not filter by on this kind of interface")

// atNetwork is SKF_NET_OFF (linux/filter.h): what is added to it counts from the network header.
const atNetwork = 0xfff00000

// cooked turns a program for LINKTYPE_LINUX_SLL2 into one that a socket can run. dlx makes that
// header itself, so its fields are loaded from the kernel's. All else is loaded from the network
// header on, whatever comes before it.
func cooked(program []bpf.RawInstruction) ([]bpf.RawInstruction, error) {
	fields := map[bpf.LoadAbsolute]bpf.Extension{
		{Off: linktype.SLL2Protocol, Size: 2}: bpf.ExtProto, {Off: linktype.SLL2Interface, Size: 4}: bpf.ExtInterfaceIndex,
		{Off: linktype.SLL2Hardware, Size: 2}: bpf.ExtLinkLayerType, {Off: linktype.SLL2PacketType, Size: 1}: bpf.ExtType,
	}
	out := make([]bpf.Instruction, len(program))
	for i, raw := range program {
		out[i] = raw
		var err error
		switch ins := raw.Disassemble().(type) {
		case bpf.LoadAbsolute:
			if field, ok := fields[ins]; ok {
				out[i] = bpf.LoadExtension{Num: field}
				break
			}
			ins.Off, err = fromNetwork(ins.Off)
			out[i] = ins
		case bpf.LoadIndirect:
			ins.Off, err = fromNetwork(ins.Off)
			out[i] = ins
		case bpf.LoadMemShift:
			ins.Off, err = fromNetwork(ins.Off)
			out[i] = ins
		}
		if err != nil {
			return nil, err
		}
	}
	return bpf.Assemble(out)
}

// fromNetwork is an offset behind the header, from the network header on. One that is negative is
// the kernel's already.
func fromNetwork(offset uint32) (uint32, error) {
	switch {
	case int32(offset) < 0:
		return offset, nil
	case offset < linktype.SLL2Size:
		return 0, errCooked
	}
	return offset - linktype.SLL2Size + atNetwork, nil
}
