// Package pause waits between two looks at something that tells of no change by itself.
package pause

import (
	"context"
	"time"
)

// For waits for a time, or returns why ctx has ended.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
