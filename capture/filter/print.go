package filter

import (
	"fmt"
	"strings"

	"golang.org/x/net/bpf"
)

// String is the program as tcpdump -d prints it: a line an instruction, with the ones that jumps
// lead to by number.
func (p *Program) String() string {
	var s strings.Builder
	for n, i := range p.raw {
		name, operand := mnemonic(n, i)
		if i.Op&classMask == classJMP && i.Op != ja {
			fmt.Fprintf(&s, "(%03d) %-8s %-16s jt %d\tjf %d\n", n, name, operand, n+1+int(i.Jt), n+1+int(i.Jf))
		} else {
			fmt.Fprintf(&s, "(%03d) %-8s %s\n", n, name, operand)
		}
	}
	return s.String()
}

// C is the program as tcpdump -dd prints it: the lines of an array of struct sock_filter in C.
func (p *Program) C() string {
	var s strings.Builder
	for _, i := range p.raw {
		fmt.Fprintf(&s, "{ 0x%x, %d, %d, 0x%08x },\n", i.Op, i.Jt, i.Jf, i.K)
	}
	return s.String()
}

// Decimal is the program as tcpdump -ddd prints it: the number of instructions, then one a line as
// four numbers. That is what iptables' bpf match takes, among others.
func (p *Program) Decimal() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d\n", len(p.raw))
	for _, i := range p.raw {
		fmt.Fprintf(&s, "%d %d %d %d\n", i.Op, i.Jt, i.Jf, i.K)
	}
	return s.String()
}

var (
	loadNames   = map[uint16]string{sizeW: "ld", sizeH: "ldh", sizeB: "ldb"}
	aluNames    = [...]string{"add", "sub", "mul", "div", "or", "and", "lsh", "rsh", "neg", "mod", "xor"}
	jumpNames   = [...]string{"ja", "jeq", "jgt", "jge", "jset"}
	adFieldName = map[uint32]string{adPacketType: "[type]", adIfindex: "[ifidx]", adTCI: "[vlan_tci]", adTagPresent: "[vlanp]"}
)

// mnemonic is the name and the operand of the instruction at n.
func mnemonic(n int, i bpf.RawInstruction) (name, operand string) {
	switch i.Op & classMask {
	case classLD:
		return loadNames[i.Op&sizeMask], loadOperand(i)
	case classLDX:
		if i.Op == ldxMSH {
			return "ldxb", fmt.Sprintf("4*([%d]&0xf)", int32(i.K))
		}
		return "ldx", loadOperand(i)
	case classST:
		return "st", fmt.Sprintf("M[%d]", i.K)
	case classSTX:
		return "stx", fmt.Sprintf("M[%d]", i.K)
	case classALU:
		return aluNames[i.Op&opMask>>4], aluOperand(i)
	case classJMP:
		switch {
		case i.Op == ja:
			return "ja", fmt.Sprint(n + 1 + int(i.K))
		case i.Op&srcX != 0:
			return jumpNames[i.Op&opMask>>4], "x"
		}
		return jumpNames[i.Op&opMask>>4], fmt.Sprintf("#0x%x", i.K)
	case classRET:
		return "ret", fmt.Sprintf("#%d", i.K)
	}
	if i.Op == txa {
		return "txa", ""
	}
	return "tax", ""
}

func loadOperand(i bpf.RawInstruction) string {
	switch i.Op & modeMask {
	case 0:
		return fmt.Sprintf("#0x%x", i.K)
	case modeIND:
		return fmt.Sprintf("[x + %d]", int32(i.K))
	case modeMEM:
		return fmt.Sprintf("M[%d]", i.K)
	case ldLen:
		return "#pktlen"
	}
	if name, ok := adFieldName[i.K]; ok {
		return name
	}
	return fmt.Sprintf("[%d]", int32(i.K))
}

func aluOperand(i bpf.RawInstruction) string {
	switch op := i.Op & opMask; {
	case i.Op == neg:
		return ""
	case i.Op&srcX != 0:
		return "x"
	case op == andK&opMask || op == orK&opMask || op == xorK&opMask:
		return fmt.Sprintf("#0x%x", i.K)
	}
	return fmt.Sprintf("#%d", i.K)
}
