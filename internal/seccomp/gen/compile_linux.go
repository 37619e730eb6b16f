package main

import (
	"fmt"
	"maps"
	"slices"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/net/bpf"

	"dlx/internal/linux"
)

// Verdicts of a call that is not allowed, and of one that the profile does not know.
const (
	notAllowed = linux.SeccompErrno | uint32(syscall.EPERM)
	notThere   = linux.SeccompErrno | uint32(syscall.ENOSYS)
)

// outcome is what becomes of a call: the verdict of the first condition that holds, or else a
// verdict.
type outcome struct {
	conds []specs.LinuxSeccompArg
	then  []uint32 // of each condition
	other uint32
}

func (o outcome) equal(p outcome) bool {
	return o.other == p.other && slices.Equal(o.conds, p.conds) && slices.Equal(o.then, p.then)
}

// span is the calls from a number to the next span's, which have the same outcome.
type span struct {
	first uint32
	outcome
}

// compile makes one program of the rules for all ABIs: the audit number chooses the ABI, and a
// binary search the span.
func compile(abis []abi, tables []table, rules []specs.LinuxSyscall) ([]bpf.Instruction, error) {
	program := []bpf.Instruction{bpf.RetConstant{Val: linux.SeccompKill}} // an architecture that this kernel does not run
	for i, abi := range slices.Backward(abis) {
		spans, err := spansOf(tables[i], rules)
		if err != nil {
			return nil, err
		}
		found, err := search(spans)
		if err != nil {
			return nil, err
		}
		body := append([]bpf.Instruction{bpf.LoadAbsolute{Off: linux.SeccompCall, Size: 4}}, found...)
		program = slices.Concat(branch(bpf.JumpNotEqual, abi.audit, len(body)), body, program)
	}
	return append([]bpf.Instruction{bpf.LoadAbsolute{Off: linux.SeccompArch, Size: 4}}, program...), nil
}

// spansOf applies the rules to one ABI's numbers.
func spansOf(numbers table, rules []specs.LinuxSyscall) ([]span, error) {
	named, err := outcomes(numbers, rules)
	if err != nil {
		return nil, err
	}
	deny := outcome{other: notAllowed}
	// A call that is newer than the profile gets ENOSYS, so that programs fall back: runc patches
	// Docker's filters so (libcontainer/seccomp/patchbpf).
	newer := outcome{other: notThere}
	spans := []span{{0, deny}}
	add := func(first uint32, o outcome) {
		if last := &spans[len(spans)-1]; last.first == first {
			last.outcome = o
		} else {
			spans = append(spans, span{first, o})
		}
	}
	order := slices.Sorted(maps.Keys(named))
	for i, nr := range order {
		add(nr, named[nr])
		ends := i+1 == len(order) || order[i+1] >= armPrivate && nr < armPrivate
		if ends || nr >= armPrivate {
			add(nr+1, newer)
		} else {
			add(nr+1, deny)
		}
	}
	return slices.CompactFunc(spans, func(a, b span) bool { return a.equal(b.outcome) }), nil
}

// outcomes are those of the calls that the rules name.
func outcomes(numbers table, rules []specs.LinuxSyscall) (map[uint32]outcome, error) {
	named := map[uint32]outcome{}
	sure := map[uint32]bool{} // whether a rule without a condition has decided
	for _, r := range rules {
		verdict, err := verdictOf(r)
		if err != nil {
			return nil, err
		}
		for _, name := range r.Names {
			nr, ok := numbers[name]
			if !ok {
				continue // this ABI has no such call
			}
			o, seen := named[nr]
			if !seen {
				o.other = notAllowed
			}
			switch {
			case sure[nr] && len(r.Args) == 0 && o.other != verdict:
				return nil, fmt.Errorf("two rules for %s contradict each other", name)
			case sure[nr]:
			case len(r.Args) == 0:
				o, sure[nr] = outcome{other: verdict}, true
			case len(r.Args) == 1:
				o.conds, o.then = append(o.conds, r.Args[0]), append(o.then, verdict)
			default:
				return nil, fmt.Errorf("a rule for %s has %d conditions", name, len(r.Args))
			}
			named[nr] = o
		}
	}
	return named, nil
}

func verdictOf(r specs.LinuxSyscall) (uint32, error) {
	switch {
	case r.Action == specs.ActAllow:
		return linux.SeccompAllow, nil
	case r.Action == specs.ActErrno && r.ErrnoRet != nil:
		return linux.SeccompErrno | uint32(*r.ErrnoRet), nil
	}
	return 0, fmt.Errorf("the rule for %v has the action %s", r.Names, r.Action)
}
