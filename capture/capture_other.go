//go:build !linux

package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Capture is an open capture; on this system there is none.
type Capture struct{}

// Open fails with errors.ErrUnsupported.
func Open(Enter, Options) (*Capture, error) {
	return nil, fmt.Errorf("capture is not supported on this system: %w", errors.ErrUnsupported)
}

// Run fails with errors.ErrUnsupported.
func (*Capture) Run(context.Context, io.Writer) (Stats, error) { return Stats{}, errors.ErrUnsupported }

// Close does nothing.
func (*Capture) Close() error { return nil }
