package engine

import (
	"context"
	"errors"
	"io"
)

func (l *Local) Capture(ctx context.Context, req CaptureRequest, w io.Writer) (CaptureStats, error) {
	return CaptureStats{}, errors.ErrUnsupported
}
