// Package fault has the errors that a client has to tell apart. They are plain data, the same on
// either end of a wire.
package fault

import (
	"errors"
	"fmt"
)

// Error is what went wrong. Its text is whole in Msg; the cause stays in the process where it
// happened.
type Error struct {
	Kind   Kind
	Op     string   // the verb that failed: "debug"
	Target string   // what it is about: a container, a user, a toolbox, a file
	Msg    string   // one line, for people
	Detail []string // names that a hint can offer
	Err    error    // the cause, here
}

// New makes an Error about a target. Its text is made as fmt.Errorf makes one, of which it wraps
// what that wraps.
func New(kind Kind, target, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Target: target, Msg: err.Error(), Err: err}
}

// With adds names that a hint can offer.
func (e *Error) With(detail ...string) *Error {
	e.Detail = append(e.Detail, detail...)
	return e
}

func (e *Error) Error() string { return e.Msg }
func (e *Error) Unwrap() error { return e.Err }

// Is says whether the error is of a kind: errors.Is(err, fault.NotFound).
func (e *Error) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == e.Kind
}

// Of returns the first Error in an error's tree, or nil.
func Of(err error) *Error {
	e, _ := errors.AsType[*Error](err)
	return e
}

// In is an error as an Error of a verb about a target. One that is no Error yet is of kind
// Internal; nil stays nil.
func In(op, target string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Kind: Internal, Target: target}
	if known := Of(err); known != nil {
		*e = *known
	}
	e.Op, e.Msg, e.Err = op, err.Error(), err
	if e.Target == "" {
		e.Target = target
	}
	return e
}
