package cli

import (
	"errors"

	"dlx/engine"
	"dlx/shell"
)

func localEngine() (engine.Engine, error) { return engine.NewLocal(engine.LocalOptions{}) }

// commandStatus is the exit status of a command that could not be run, or that did not end by itself.
func commandStatus(err error) (int, bool) {
	var failed *shell.CommandError
	switch {
	case errors.As(err, &failed) && failed.Missing:
		return exitNotFound, true
	case errors.As(err, &failed):
		return exitNotRun, true
	case errors.Is(err, shell.ErrTargetEnded), errors.Is(err, shell.ErrKilled):
		return 128 + 9, true
	}
	return 0, false
}
