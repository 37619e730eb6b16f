package main

import (
	"fmt"
	"math"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/net/bpf"

	"dlx/internal/linux"
)

// search finds the span of the number in the accumulator. Each leaf returns.
func search(spans []span) ([]bpf.Instruction, error) {
	if len(spans) == 1 {
		return leaf(spans[0].outcome)
	}
	mid := len(spans) / 2
	below, err := search(spans[:mid])
	if err != nil {
		return nil, err
	}
	above, err := search(spans[mid:])
	if err != nil {
		return nil, err
	}
	return append(append(branch(bpf.JumpGreaterOrEqual, spans[mid].first, len(below)), below...), above...), nil
}

// branch skips n instructions if the condition holds. A conditional jump reaches 255 of them
// (bpf(4), struct bpf_insn).
func branch(cond bpf.JumpTest, value uint32, n int) []bpf.Instruction {
	if n <= math.MaxUint8 {
		return []bpf.Instruction{bpf.JumpIf{Cond: cond, Val: value, SkipTrue: uint8(n)}}
	}
	return []bpf.Instruction{bpf.JumpIf{Cond: cond, Val: value, SkipFalse: 1}, bpf.Jump{Skip: uint32(n)}}
}

// leaf tries the conditions in their order.
func leaf(o outcome) ([]bpf.Instruction, error) {
	var code []bpf.Instruction
	for i, c := range o.conds {
		tried, err := condition(c, bpf.RetConstant{Val: o.then[i]})
		if err != nil {
			return nil, err
		}
		code = append(code, tried...)
	}
	return append(code, bpf.RetConstant{Val: o.other}), nil
}

// condition executes then if an argument fits. Its 64 bits are compared in two halves. The upper
// half of each value in a profile is 0, and so it has to be in a comparison's argument (libseccomp
// compares all of it as well).
func condition(c specs.LinuxSeccompArg, then bpf.Instruction) ([]bpf.Instruction, error) {
	if c.Index > 5 || c.Value > math.MaxUint32 || c.ValueTwo > math.MaxUint32 {
		return nil, fmt.Errorf("a condition on argument %d has more than 32 bits", c.Index)
	}
	low := bpf.LoadAbsolute{Off: linux.SeccompArguments + 8*uint32(c.Index), Size: 4}
	high := bpf.LoadAbsolute{Off: low.Off + 4, Size: 4}
	value, two := uint32(c.Value), uint32(c.ValueTwo)
	switch c.Op {
	case specs.OpMaskedEqual: // no bit of the upper half is in the mask
		return []bpf.Instruction{low, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: value},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: two, SkipTrue: 1}, then}, nil
	case specs.OpEqualTo:
		return []bpf.Instruction{high, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3}, low,
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: value, SkipTrue: 1}, then}, nil
	case specs.OpLessThan:
		return []bpf.Instruction{high, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3}, low,
			bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: value, SkipTrue: 1}, then}, nil
	}
	return nil, fmt.Errorf("conditions with %s are not compiled", c.Op)
}
