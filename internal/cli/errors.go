package cli

import (
	"context"
	"errors"
	"strings"

	"dlx/engine"
	"dlx/internal/printable"
)

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// Hint says where the flags are explained.
func (e *usageError) Hint() string { return "`dlx COMMAND --help` shows what it takes" }

// hinter is an error that knows what to do about it.
type hinter interface{ Hint() string }

// report prints an error as one line, the place in a filter below it, and what to do about it as another.
func (a *app) report(err error) { printable.Report(a.stderr, "dlx", err) }

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// exitStatus is the one place where an error becomes an exit status.
func exitStatus(command string, err error) int {
	var usage *usageError
	var signal *signalError
	status, isCommand := commandStatus(err)
	switch {
	case errors.As(err, &signal):
		return 128 + int(signal.sig)
	case errors.Is(err, engine.ErrTimeout):
		return exitTimeout
	case isCommand:
		return status
	case command == "debug":
		return exitDlx
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, context.Canceled):
		return 128 + 2
	}
	return exitFailed
}
