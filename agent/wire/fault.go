package wire

import (
	"errors"
	"strings"

	"dlx/agent/proto"
	"dlx/fault"
)

// ErrByClient is why work ends that its client has cancelled.
var ErrByClient = errors.New("the client has cancelled it")

// FromError is an error of an engine's; nil is nil.
func FromError(err error) *proto.Fault {
	if err == nil {
		return nil
	}
	m := &proto.Fault{Kind: string(fault.Internal), Msg: text(err.Error()), ByClient: errors.Is(err, ErrByClient)}
	if f := fault.Of(err); f != nil {
		m.Kind, m.Op, m.Target, m.Detail = string(f.Kind), f.Op, text(f.Target), Texts(f.Detail)
	}
	m.Others = others(err, nil)
	return m
}

// maxOthers is how many kinds are told besides the first one.
const maxOthers = 32

// others are the kinds in an error's tree.
func others(err error, kinds []string) []string {
	if kind, ok := err.(fault.Kind); ok && len(kinds) < maxOthers { //nolint:errorlint // the whole tree is walked
		return append(kinds, string(kind))
	}
	if f, ok := err.(*fault.Error); ok && len(kinds) < maxOthers { //nolint:errorlint // the same
		kinds = append(kinds, string(f.Kind))
	}
	switch err := err.(type) { //nolint:errorlint // the same
	case interface{ Unwrap() error }:
		if inner := err.Unwrap(); inner != nil {
			return others(inner, kinds)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range err.Unwrap() {
			kinds = others(inner, kinds)
		}
	}
	return kinds
}

// ToError is the error of a message, nil for nil. cause is why the client has cancelled the work,
// if it has.
func ToError(m *proto.Fault, cause error) error {
	if m == nil {
		return nil
	}
	tree, msg := Each(m.GetOthers(), func(kind string) error { return fault.Kind(kind) }), m.GetMsg()
	if m.GetByClient() && cause != nil {
		tree = append(tree, cause)
		msg = strings.Replace(msg, ErrByClient.Error(), cause.Error(), 1)
	}
	return &fault.Error{
		Kind: fault.Kind(m.GetKind()), Op: m.GetOp(), Target: m.GetTarget(), Msg: msg, Detail: m.GetDetail(),
		Err: &remote{msg, tree},
	}
}

// remote is an error as an agent has told it.
type remote struct {
	msg  string
	tree []error
}

func (r *remote) Error() string   { return r.msg }
func (r *remote) Unwrap() []error { return r.tree }
