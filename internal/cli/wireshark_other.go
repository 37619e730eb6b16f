//go:build !linux

package cli

func (a *app) startWireshark() (*output, error) { return nil, unsupportedError{} }
