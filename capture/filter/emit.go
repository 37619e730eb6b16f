package filter

import (
	"slices"

	"golang.org/x/net/bpf"
)

const (
	// maxProgram is the kernel's BPF_MAXINSNS.
	maxProgram = 4096
	// maxOffset is the largest constant offset of a load: the kernel takes larger ones for
	// negative, with meanings of their own (SKF_AD_OFF, SKF_NET_OFF, SKF_LL_OFF in linux/filter.h).
	maxOffset = 1<<31 - 1
)

// placed is a block with its place in a program.
type placed struct {
	*block
	start, end    int  // instructions; end is the one behind its jump
	farYes, farNo bool // jumps of more than 255 instructions, which take a ja of their own
	size          int
}

// emit lays out the blocks that begin at root: each before those that it goes on to, on yes first.
func emit(root *block) []bpf.RawInstruction {
	var order []*placed
	at := map[*block]*placed{}
	var visit func(b *block)
	visit = func(b *block) {
		if at[b] != nil {
			return
		}
		p := &placed{block: b}
		at[b] = p
		if !b.isReturn() {
			visit(b.no.to)
			visit(b.yes.to)
		}
		for _, s := range b.code {
			if s.op != nop {
				p.size++
			}
		}
		order = append(order, p)
	}
	visit(root)
	slices.Reverse(order)
	for !place(order, at) {
	}
	var raw []bpf.RawInstruction
	for _, p := range order {
		raw = p.emit(raw, at)
	}
	return raw
}

// place finds where each block stands, and says whether all jumps reach as they are.
func place(order []*placed, at map[*block]*placed) bool {
	pc := 0
	for _, p := range order {
		p.start = pc
		pc += p.size + 1
		p.end = pc
		if p.farYes {
			pc++
		}
		if p.farNo {
			pc++
		}
	}
	fits := true
	for _, p := range order {
		if p.isReturn() {
			continue
		}
		if !p.farYes && at[p.yes.to].start-p.end > 255 {
			p.farYes, fits = true, false
		}
		if !p.farNo && at[p.no.to].start-p.end > 255 {
			p.farNo, fits = true, false
		}
	}
	return fits
}

func (p *placed) emit(raw []bpf.RawInstruction, at map[*block]*placed) []bpf.RawInstruction {
	for i, s := range p.code {
		if s.op == nop {
			continue
		}
		out := bpf.RawInstruction{Op: s.op, K: s.k}
		switch {
		case s.op == ja:
			out.K = uint32(p.between(i, int(s.k)))
		case s.op&classMask == classJMP:
			out.Jt, out.Jf = uint8(p.between(i, int(s.jt))), uint8(p.between(i, int(s.jf)))
		}
		raw = append(raw, out)
	}
	if p.isReturn() {
		return append(raw, bpf.RawInstruction{Op: p.op, K: p.k})
	}
	jump := bpf.RawInstruction{Op: p.op, K: p.k}
	if p.op&srcX != 0 {
		jump.K = 0
	}
	yes, no := at[p.yes.to].start-p.end, at[p.no.to].start-p.end
	var far []bpf.RawInstruction
	if p.farYes {
		yes = 0
		far = append(far, bpf.RawInstruction{Op: ja, K: uint32(at[p.yes.to].start - p.end - 1)})
	}
	if p.farNo {
		no = len(far)
		far = append(far, bpf.RawInstruction{Op: ja, K: uint32(at[p.no.to].start - p.end - 1 - no)})
	}
	jump.Jt, jump.Jf = uint8(yes), uint8(no)
	return append(append(raw, jump), far...)
}

// between counts the instructions left of those that a jump inside of a block skips.
func (p *placed) between(i, skip int) int {
	n := 0
	for _, s := range p.code[i+1 : i+1+skip] {
		if s.op != nop {
			n++
		}
	}
	return n
}

// unset is the scratch registers that some path reads before it writes them. The kernel refuses
// such programs (check_load_and_stores in net/core/filter.c).
func unset(raw []bpf.RawInstruction) (regs uint16) {
	valid := make([]uint16, len(raw)+1)
	for i := range valid {
		valid[i] = 0xffff
	}
	now := uint16(0)
	for pc, s := range raw {
		now &= valid[pc]
		switch {
		case s.Op == st || s.Op == stx:
			now |= 1 << s.K
		case s.Op == ldMem || s.Op == ldxMem:
			regs |= 1 << s.K &^ now
		case s.Op == ja:
			valid[pc+1+int(s.K)] &= now
			now = 0xffff
		case s.Op&classMask == classJMP:
			valid[pc+1+int(s.Jt)] &= now
			valid[pc+1+int(s.Jf)] &= now
			now = 0xffff
		}
	}
	return regs
}
