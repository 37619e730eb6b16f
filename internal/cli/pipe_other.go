//go:build !linux

package cli

import (
	"context"
	"errors"
	"os"
)

// openPipe opens a named pipe, once it has a reader.
func openPipe(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil && !isPipe(f) {
		return nil, errors.Join(errNoPipe, f.Close())
	}
	return f, err
}

// readerGone is not known: nothing is captured on this system.
func readerGone(context.Context, *os.File) <-chan struct{} { return nil }
