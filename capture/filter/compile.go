package filter

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/bpf"

	"dlx/capture/linktype"
)

// Extensions are what Linux adds to BPF for packet sockets (linux/filter.h): loads of what is known
// of a packet beside its bytes.
type Extensions uint8

// The extensions that a program may use.
const (
	// Metadata lets inbound, outbound and ifindex ask for the direction and the interface.
	Metadata Extensions = 1 << iota
	// VLANTags lets vlan ask for the tag that the kernel has taken out of a frame.
	VLANTags

	// Live is what programs for packet sockets use, and programs for files can not.
	Live = Metadata | VLANTags
)

// Options say what a filter is compiled for.
type Options struct {
	Link       LinkType
	Snaplen    uint32     // what the program returns for a packet that matches, in bytes; 0 stands for 262144
	Extensions Extensions // 0 for a filter of files, Live for one of a packet socket
	Netmask    netip.Addr // the IPv4 network mask that "ip broadcast" needs, if it is known
	Names      Names      // how names are looked up; NoNames if nil
	NoOptimize bool       // leave the program as it comes from the tree
	BigEndian  bool       // whether a machine of that byte order has written a file of link type Null
}

// Program is a compiled filter.
type Program struct {
	expr string
	raw  []bpf.RawInstruction
}

// Expr is the expression that was compiled.
func (p *Program) Expr() string { return p.expr }

// Raw is the program as the kernel takes it, at most 4096 instructions.
func (p *Program) Raw() []bpf.RawInstruction { return p.raw }

// Instructions is the program for the virtual machine of golang.org/x/net/bpf. Of the extensions,
// that machine knows only the length.
func (p *Program) Instructions() []bpf.Instruction {
	ins, _ := bpf.Disassemble(p.raw)
	return ins
}

// Compile compiles an expression. An empty one matches everything. Its errors are of type *Error.
func Compile(expr string, opts Options) (*Program, error) {
	if strings.TrimSpace(expr) == "" {
		return compile(expr, nil, opts)
	}
	tree, err := Parse(expr)
	if err != nil {
		return nil, err
	}
	return compile(expr, tree, opts)
}

// CompileNode compiles a tree. The places in its errors are those of the expression it came from.
func CompileNode(tree Node, opts Options) (*Program, error) {
	return compile(tree.String(), tree, opts)
}

func compile(expr string, tree Node, opts Options) (*Program, error) {
	if _, ok := layouts[opts.Link]; !ok || opts.Link == ppp {
		return nil, fmt.Errorf("compile filter %q: %w: %d", expr, ErrLinkType, opts.Link)
	}
	if opts.Snaplen == 0 {
		opts.Snaplen = linktype.MaxPacket
	}
	accept := &block{op: ret, k: opts.Snaplen}
	if tree == nil {
		return &Program{expr: expr, raw: emit(accept)}, nil
	}
	g := newGenerator(&opts)
	c := g.node(tree)
	if g.err != nil {
		return nil, g.err.in(expr)
	}
	if n := c.size(); n > maxBlocks {
		return nil, fail(span{0, len(expr)}, "it takes %d tests, and %d are the most", n, maxBlocks).withHint("net takes the place of many hosts, portrange of many ports").in(expr)
	}
	if len(g.zero) > 0 {
		c.prepend(zero(g.zero))
	}
	root := c.link(accept, &block{op: ret})
	if !g.plain && !opts.NoOptimize {
		var wrong string
		if root, wrong = optimize(root); wrong != "" {
			return nil, fail(span{0, len(expr)}, "it contains %s", wrong).in(expr)
		}
		if root.isReturn() && root.k == 0 {
			return nil, fail(span{0, len(expr)}, "no packet can match").withHint("vlan, mpls, pppoes and geneve change the meaning of everything behind them").in(expr)
		}
	}
	raw := emit(root)
	if regs := unset(raw); regs != 0 {
		var list []int
		for i := range 16 {
			if regs>>i&1 != 0 {
				list = append(list, i)
			}
		}
		root.code = append(zero(list), root.code...)
		raw = emit(root)
	}
	if len(raw) > maxProgram {
		return nil, fail(span{0, len(expr)}, "its program has %d instructions, and the kernel takes %d", len(raw), maxProgram).
			withHint("net takes the place of many hosts, portrange of many ports").in(expr)
	}
	return &Program{expr: expr, raw: raw}, nil
}

// ErrLinkType is a link type that filters can not be compiled for.
var ErrLinkType = errors.New("no filters for link type")

// zero is code that sets scratch registers to 0.
func zero(regs []int) []inst {
	code := []inst{{op: ldImm}}
	for _, r := range regs {
		code = append(code, inst{op: st, k: uint32(r)})
	}
	return code
}
