package linux

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// maxProgram is how many instructions of classic BPF the kernel takes (linux/bpf_common.h).
const maxProgram = unix.BPF_MAXINSNS

// sockFprog is a program, of one instruction or more, as the kernel takes it (linux/filter.h).
func sockFprog(program []bpf.RawInstruction) *unix.SockFprog {
	code := make([]unix.SockFilter, len(program))
	for i, ins := range program {
		code[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	return &unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
}
