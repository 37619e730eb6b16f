//go:build !linux

package cli

import "dlx/engine"

// ownConnections are none: nothing is captured on this system.
func ownConnections() []engine.Connection { return nil }
