package filter

import (
	"fmt"
	"strings"

	"golang.org/x/net/bpf"
)

// LinkType is a pcap-linktype(7).
type LinkType uint16

// The link types that filters can be compiled for.
const (
	Ethernet LinkType = 1
	Raw      LinkType = 101 // IPv4 or IPv6, without a header in front
)

// Program is a compiled filter.
type Program struct {
	expr string
	ins  []bpf.Instruction
	raw  []bpf.RawInstruction
}

// Expr is the expression that was compiled.
func (p *Program) Expr() string { return p.expr }

// Instructions are the program's, for golang.org/x/net/bpf's virtual machine.
func (p *Program) Instructions() []bpf.Instruction { return p.ins }

// Raw are the program's instructions as the kernel takes them.
func (p *Program) Raw() []bpf.RawInstruction { return p.raw }

// Compile compiles an expression for a link type. The program returns snaplen, in bytes, for a packet that matches, and
// 0 otherwise. An empty expression matches everything. What is not understood is an *Error.
func Compile(expr string, link LinkType, snaplen uint32) (*Program, error) {
	if link != Ethernet && link != Raw {
		return nil, fmt.Errorf("compile a filter: link type %d is not known", link)
	}
	p := &Program{expr: expr}
	if strings.TrimSpace(expr) == "" {
		p.ins = []bpf.Instruction{bpf.RetConstant{Val: snaplen}}
	} else {
		tree, err := parse(expr)
		if err != nil {
			return nil, err
		}
		g := &generator{expr: expr, link: link}
		if p.ins, err = g.program(tree, snaplen); err != nil {
			return nil, err
		}
	}
	raw, err := bpf.Assemble(p.ins)
	if err != nil {
		return nil, fmt.Errorf("assemble the filter: %w", err)
	}
	p.raw = raw
	return p, nil
}
