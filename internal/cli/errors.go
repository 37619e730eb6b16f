package cli

import (
	"context"
	"errors"
	"strings"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/printable"
)

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// Hint says where the flags are explained.
func (e *usageError) Hint() string { return "`dlx COMMAND --help` shows what it takes" }

// hinter is an error of the command line's own, or of a library's, that knows what to do about it.
type hinter interface{ Hint() string }

// asFault is what of an error says its kind, or nil.
func asFault(err error) *fault.Error { return fault.Of(engine.FilterError(err)) }

// hintOf says what to do about an error: what the error knows,
// else what its kind tells, or nothing.
func hintOf(err error) string {
	if h := hinter(nil); errors.As(err, &h) && h.Hint() != "" {
		return h.Hint()
	}
	if e := asFault(err); e != nil {
		return hint(e)
	}
	return ""
}

// report prints an error on one line, the place in a filter below it, and a hint on another line.
func (a *app) report(err error) { printable.Report(a.stderr, "dlx", explain(err)) }

// explained is an error with what a command line says beside it.
type explained struct {
	error
	hint, place string
}

func (e *explained) Hint() string  { return e.hint }
func (e *explained) Caret() string { return e.place }
func (e *explained) Unwrap() error { return e.error }

// explain adds to an error of a kind what helps, and the place in a filter.
func explain(err error) error {
	e := asFault(err)
	if e == nil {
		return err
	}
	x := &explained{error: err, hint: hintOf(err)}
	if e.Kind == fault.BadFilter {
		lines, _ := filterPlace(e)
		x.place = strings.Join(lines, "\n")
	}
	return x
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// exitStatus is the one place where an error becomes an exit status.
func exitStatus(command string, err error) int {
	var usage *usageError
	if signal, ok := errors.AsType[*signalError](err); ok {
		return 128 + int(signal.sig)
	}
	if e := asFault(err); e != nil {
		switch e.Kind {
		case fault.TimedOut:
			return exitTimeout
		case fault.CommandNotFound, fault.CommandNotHere:
			return exitNotFound
		case fault.CommandNotRun, fault.NoWorkdir:
			return exitNotRun
		case fault.TargetEnded, fault.SessionKilled:
			return 128 + 9
		}
	}
	switch {
	case command == "debug":
		return exitDlx
	case errors.As(err, &usage), errors.As(err, new(*verbError)):
		return exitUsage
	case errors.Is(err, context.Canceled):
		return 128 + 2
	}
	return exitFailed
}
