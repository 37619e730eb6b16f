//go:build !linux

package capture

import (
	"context"
	"errors"
	"fmt"
)

// Capture is an open capture; on this system there is none.
type Capture struct{}

// New fails with errors.ErrUnsupported.
func New(Options) (*Capture, error) {
	return nil, fmt.Errorf("capture is not supported on this system: %w", errors.ErrUnsupported)
}

// Interfaces fails with errors.ErrUnsupported.
func Interfaces(Enter) ([]Interface, error) {
	return nil, fmt.Errorf("capture is not supported on this system: %w", errors.ErrUnsupported)
}

// Add fails with errors.ErrUnsupported.
func (*Capture) Add(Source) (remove func(), err error) { return nil, errors.ErrUnsupported }

// Run fails with errors.ErrUnsupported.
func (*Capture) Run(context.Context, Sink) (Stats, error) { return Stats{}, errors.ErrUnsupported }

// Close does nothing.
func (*Capture) Close() error { return nil }
