package engine

import (
	"errors"
	"strings"

	"dlx/capture/filter"
	"dlx/fault"
)

// Error is what every verb of an engine fails with. Those of the packages below are wrapped in it,
// for who runs in the same process.
type Error = fault.Error

// Errors of requests.
var (
	// ErrTimeout is the cause of a session's end when its time is up.
	ErrTimeout error = fault.New(fault.TimedOut, "", "the session's time is up")
	// ErrNoTarget reports a capture of nothing.
	ErrNoTarget error = fault.New(fault.BadRequest, "", "no container to capture in")
	// ErrNoToolbox reports toolboxes for a session that sees none.
	ErrNoToolbox error = fault.New(fault.BadRequest, "", "toolboxes are shown with --fs toolbox, and with no other file system")
	// ErrHostFile reports a file of the engine's machine, in a request to an engine whose requests
	// may not name any.
	ErrHostFile error = fault.New(fault.HostFile, "", "a toolbox is asked for by its name, not by a file")
)

// FilterError turns an error of package filter into a fault.BadFilter. The detail is the lines that
// show the place, then what may help. Package filter is a library, and has no faults.
func FilterError(err error) error {
	f, ok := errors.AsType[*filter.Error](err)
	if !ok {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(f.Caret(), "\n"), "\n")
	return fault.New(fault.BadFilter, f.Expr, "%w", err).With(append(lines, f.Hint())...)
}
