//go:build !linux

package cli

import "context"

func (a *app) runAgent(context.Context, agentOptions, []string) error { return unsupportedError{} }
