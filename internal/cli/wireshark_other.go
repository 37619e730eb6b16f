//go:build !linux

package cli

import "io"

func (a *app) startWireshark() (io.WriteCloser, error) { return nil, unsupportedError{} }
