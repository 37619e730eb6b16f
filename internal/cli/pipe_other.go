//go:build !linux

package cli

import (
	"context"
	"os"
)

// readerGone is not known: nothing is captured on this system.
func readerGone(context.Context, *os.File) <-chan struct{} { return nil }
