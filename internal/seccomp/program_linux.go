package seccomp

import (
	"encoding/binary"
	"fmt"
	"path"
	"runtime"

	"golang.org/x/net/bpf"

	"dlx/internal/linux"
)

// Variant says which capabilities a filter was made for. Docker's profile allows some system calls
// by capability.
type Variant string

// The variants. None has what CAP_NET_ADMIN needs: Docker's profile names nothing for it, the
// network is set up by calls that every container may make.
const (
	Bare    Variant = "bare"    // for a process without capabilities
	Default Variant = "default" // for the capabilities that Docker gives a container
	Debug   Variant = "debug"   // for these and CAP_SYS_PTRACE, and with what debuggers and profilers call
)

// Variants lists them, from the least to the most that is allowed.
func Variants() []Variant { return []Variant{Bare, Default, Debug} }

// instructionSize is that of struct sock_filter (linux/filter.h).
const instructionSize = 8

// Program returns a variant's filter for this architecture; there are those of amd64 and arm64.
func Program(v Variant) (linux.SeccompProgram, error) {
	raw, err := programs.ReadFile(path.Join("programs", runtime.GOARCH, string(v)+".bpf"))
	if err != nil {
		return nil, fmt.Errorf("find the default seccomp filter: %w", err)
	}
	program := make(linux.SeccompProgram, len(raw)/instructionSize)
	for i := range program {
		ins := raw[i*instructionSize:]
		program[i] = bpf.RawInstruction{Op: binary.LittleEndian.Uint16(ins), Jt: ins[2], Jf: ins[3], K: binary.LittleEndian.Uint32(ins[4:])}
	}
	return program, nil
}
