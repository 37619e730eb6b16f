//go:build !linux

package cli

import (
	"errors"

	"dlx/engine"
)

// unsupportedError says that this system has no containers to look into.
type unsupportedError struct{}

func (unsupportedError) Error() string { return "not supported on this system" }
func (unsupportedError) Unwrap() error { return errors.ErrUnsupported }

// Hint says where dlx does its work.
func (unsupportedError) Hint() string { return "run dlx on the Linux host that runs the container" }

func localEngine() (engine.Engine, error) { return nil, unsupportedError{} }
