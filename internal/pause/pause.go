// Package pause waits between two looks at something that tells of no change by itself, and for
// what should end and may not.
package pause

import (
	"context"
	"sync"
	"time"
)

// For waits for a time, or returns why ctx has ended.
func For(ctx context.Context, d time.Duration) error {
	if d <= 0 || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Behind calls f when ctx has ended and a time has passed since, unless stop was called before.
func Behind(ctx context.Context, d time.Duration, f func()) (stop func()) {
	stopped, cancel := context.WithCancel(context.WithoutCancel(ctx))
	undo := context.AfterFunc(ctx, func() {
		if For(stopped, d) == nil {
			f()
		}
	})
	return sync.OnceFunc(func() {
		undo()
		cancel()
	})
}
