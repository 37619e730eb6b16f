package filter

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// Node is a parsed expression. Its String is an expression that parses to the same tree: every
// value has its qualifiers, every operator its parentheses.
type Node interface {
	fmt.Stringer
	where() span
}

type (
	// And holds where both sides do.
	And struct {
		A, B Node
		span
	}
	// Or holds where one of its sides does.
	Or struct {
		A, B Node
		span
	}
	// Not holds where its operand does not.
	Not struct {
		A Node
		span
	}
	// Protocol is a protocol's name alone, such as tcp.
	Protocol struct {
		Proto Proto
		span
	}
	// Primitive is a value with its qualifiers, such as src port 80.
	Primitive struct {
		Qualifiers
		Value Value
		span
		valueAt span
	}
	// Relation compares two numbers. Op is "=", "!=", ">", ">=", "<" or "<=".
	Relation struct {
		Op   string
		L, R Arith
		span
	}
	// Keyword is a primitive without qualifiers: broadcast and multicast (after a protocol), less,
	// greater, inbound, outbound, ifindex, vlan, mpls, pppoed, pppoes, geneve, llc.
	Keyword struct {
		Name   string
		Proto  Proto
		Number uint32 // if there is one
		Has    bool   // whether there is one
		LLC    string // the type behind llc, or nothing
		span
		numberAt span
	}
	// ByteTest is "byte OFFSET OP VALUE".
	ByteTest struct {
		Offset, Value uint32
		Op            byte
		span
	}
)

// Value is what a primitive is about.
type Value interface{ fmt.Stringer }

type (
	// Name is looked up.
	Name string
	// Number is a port, a protocol or the start of an address.
	Number uint32
	// Dotted is an IPv4 address, the first two or three numbers of one, or a DECnet address. A
	// network may have a Mask of that form or a prefix length, which is -1 if there is none.
	Dotted struct {
		Addr, Mask string
		Bits       int
	}
	// Prefix is an IPv6 address, with a prefix length, or -1.
	Prefix struct {
		Addr netip.Addr
		Bits int
	}
	// MAC is an Ethernet address.
	MAC [6]byte
)

func (v Name) String() string   { return `\` + string(v) }
func (v Number) String() string { return strconv.FormatUint(uint64(v), 10) }
func (v MAC) String() string    { return net.HardwareAddr(v[:]).String() }

func (v Dotted) String() string {
	switch {
	case v.Mask != "":
		return v.Addr + " mask " + v.Mask
	case v.Bits >= 0:
		return v.Addr + "/" + strconv.Itoa(v.Bits)
	}
	return v.Addr
}

func (v Prefix) String() string {
	if v.Bits >= 0 {
		return v.Addr.String() + "/" + strconv.Itoa(v.Bits)
	}
	return v.Addr.String()
}

func (n *And) String() string       { return "(" + n.A.String() + " and " + n.B.String() + ")" }
func (n *Or) String() string        { return "(" + n.A.String() + " or " + n.B.String() + ")" }
func (n *Not) String() string       { return "not " + n.A.String() }
func (n *Protocol) String() string  { return n.Proto.String() }
func (n *Primitive) String() string { return n.Qualifiers.String() + " " + n.Value.String() }
func (n *Relation) String() string  { return n.L.String() + " " + n.Op + " " + n.R.String() }
func (n *ByteTest) String() string  { return fmt.Sprintf("byte %d %c %d", n.Offset, n.Op, n.Value) }

func (n *Keyword) String() string {
	s := n.Name
	if n.Proto != ProtoAny {
		s = n.Proto.String() + " " + s
	}
	if n.Has {
		s += " " + strconv.FormatUint(uint64(n.Number), 10)
	}
	if n.LLC != "" {
		s += " " + n.LLC
	}
	return s
}

// Arith is a number: a constant, the packet's length, bytes of the packet, or what operators make
// of them. Numbers have 32 bits and no sign.
type Arith interface {
	fmt.Stringer
	where() span
}

type (
	// Const is a constant.
	Const struct {
		Value uint32
		span
	}
	// Len is the packet's length.
	Len struct{ span }
	// Load is Size bytes (1, 2 or 4, in network byte order) at an offset of a protocol's header.
	Load struct {
		Proto  Proto
		Offset Arith
		Size   uint32
		span
	}
	// Binary is an operation, Op one of + - * / % & | ^ << >>.
	Binary struct {
		Op   string
		L, R Arith
		span
	}
	// Neg is a number's two's complement.
	Neg struct {
		A Arith
		span
	}
)

func (a *Const) String() string  { return strconv.FormatUint(uint64(a.Value), 10) }
func (a *Len) String() string    { return "len" }
func (a *Binary) String() string { return "(" + a.L.String() + " " + a.Op + " " + a.R.String() + ")" }
func (a *Neg) String() string    { return "(- " + a.A.String() + ")" }

func (a *Load) String() string {
	if a.Size == 1 {
		return a.Proto.String() + "[" + a.Offset.String() + "]"
	}
	return a.Proto.String() + "[" + a.Offset.String() + ":" + strconv.FormatUint(uint64(a.Size), 10) + "]"
}
