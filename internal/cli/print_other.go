//go:build !linux

package cli

import "io"

func (a *app) startPrinter() (io.WriteCloser, error) { return nil, unsupportedError{} }
