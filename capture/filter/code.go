package filter

import (
	"slices"

	"golang.org/x/net/bpf"
)

// Opcodes of classic BPF (linux/filter.h, linux/bpf_common.h), combined as an instruction has them:
// golang.org/x/net/bpf has no names for them, and its instructions are nothing to compute with.
const (
	ldW, ldH, ldB       = 0x20, 0x28, 0x30 // A = packet[k]
	ldiW, ldiH, ldiB    = 0x40, 0x48, 0x50 // A = packet[X+k]
	ldImm, ldMem, ldLen = 0x00, 0x60, 0x80
	ldxImm, ldxMem      = 0x01, 0x61
	ldxMSH              = 0xb1 // X = 4 * (packet[k] & 0xf)
	st, stx             = 0x02, 0x03
	addK, subK, mulK    = 0x04, 0x14, 0x24
	divK, orK, andK     = 0x34, 0x44, 0x54
	lshK, rshK, neg     = 0x64, 0x74, 0x84
	modK, xorK          = 0x94, 0xa4
	srcX                = 0x08 // the operand of an ALU or jump instruction is X
	ja, jeq, jgt        = 0x05, 0x15, 0x25
	jge, jset           = 0x35, 0x45
	ret                 = 0x06
	tax, txa            = 0x07, 0x87
	nop                 = 0xffff // no instruction: what the optimizer took out

	classMask = 0x07
	opMask    = 0xf0
	modeMask  = 0xe0
	sizeMask  = 0x18
)

// Classes, modes and sizes of instructions.
const (
	classLD, classLDX, classST, classSTX    = 0, 1, 2, 3
	classALU, classJMP, classRET, classMISC = 4, 5, 6, 7
	modeIND, modeMEM                        = 0x40, 0x60
	sizeW, sizeH, sizeB                     = 0x00, 0x08, 0x10
)

// Ancillary loads of Linux: what the kernel knows of a packet.
// Packets have no such offsets (linux/filter.h).
const (
	ancillary    uint32 = 0xfffff000 // SKF_AD_OFF
	adPacketType        = ancillary + uint32(bpf.ExtType)
	adIfindex           = ancillary + uint32(bpf.ExtInterfaceIndex)
	adTCI               = ancillary + uint32(bpf.ExtVLANTag)
	adTagPresent        = ancillary + uint32(bpf.ExtVLANTagPresent)
)

// inst is an instruction. jt and jf count instructions to skip, inside of a block; jumps between
// blocks are the blocks'.
type inst struct {
	op     uint16
	jt, jf uint8
	k      uint32
}

// block is instructions that run one after the other, and a jump at their end: to yes if the
// condition holds, else to no. A return has neither. op and k are the jump's or the return's.
type block struct {
	code []inst
	op   uint16
	k    uint32
	yes  edge
	no   edge

	flow
}

// edge is one way out of a block.
type edge struct {
	from, to *block
	op       uint16 // the jump's
	holds    bool   // on the way of a condition that holds

	id   int
	dom  set   // the edges that every path through this one has taken
	next *edge // that leads to the same block
}

// cond is a condition: a single block, or two conditions joined.
type cond struct {
	kind condKind
	a, b *cond
	blk  *block
}

type condKind uint8

const (
	leaf condKind = iota
	both
	either
	negated
)

func test(op uint16, k uint32, code ...inst) *cond {
	return &cond{blk: &block{code: code, op: op, k: k}}
}

// and, or and not take nil for "no condition".
func and(a, b *cond) *cond {
	if a == nil || b == nil {
		return orNil(a, b)
	}
	return &cond{kind: both, a: a, b: b}
}

func or(a, b *cond) *cond {
	if a == nil || b == nil {
		return orNil(a, b)
	}
	return &cond{kind: either, a: a, b: b}
}

func not(a *cond) *cond { return &cond{kind: negated, a: a} }

func orNil(a, b *cond) *cond {
	if a == nil {
		return b
	}
	return a
}

// head is the block that a condition begins with.
func (c *cond) head() *block {
	for c.kind != leaf {
		c = c.a
	}
	return c.blk
}

// size is the number of blocks.
func (c *cond) size() int {
	switch c.kind {
	case both, either:
		return c.a.size() + c.b.size()
	case negated:
		return c.a.size()
	}
	return 1
}

// prepend puts instructions in front of a condition.
func (c *cond) prepend(code []inst) {
	b := c.head()
	b.code = append(slices.Clone(code), b.code...)
}

// link makes a condition's blocks go on to yes or no, and returns the first one.
func (c *cond) link(yes, no *block) *block {
	switch c.kind {
	case both:
		return c.a.link(c.b.link(yes, no), no)
	case either:
		return c.a.link(yes, c.b.link(yes, no))
	case negated:
		return c.a.link(no, yes)
	}
	c.blk.yes.to, c.blk.no.to = yes, no
	return c.blk
}
