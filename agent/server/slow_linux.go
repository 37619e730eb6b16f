package server

import (
	"cmp"
	"context"
	"slices"

	"golang.org/x/time/rate"
)

// slow has what work sends wait. It holds up that work alone: a session's output waits with its
// command, and of a capture's packets the kernel drops those that the ring has no room for.
type slow struct {
	ctx      context.Context //nolint:containedctx // the work's, which ends a wait
	limiters []*rate.Limiter
}

// Slow has the work send no faster than any of the limiters lets it, nor than those that it has
// from other operations; a nil one lets everything through.
func (w *Work) Slow(limiters ...*rate.Limiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &slow{ctx: w.ctx}
	if before := w.slow.Load(); before != nil {
		s.limiters = slices.Clone(before.limiters)
	}
	for _, l := range limiters {
		if l != nil && !slices.Contains(s.limiters, l) {
			s.limiters = append(s.limiters, l)
		}
	}
	if len(s.limiters) > 0 {
		w.slow.Store(s)
	}
}

// wait waits until so many bytes may be sent.
func (s *slow) wait(n int) error {
	if s == nil {
		return nil
	}
	for _, l := range s.limiters {
		for left := n; left > 0; left -= min(left, l.Burst()) {
			if err := l.WaitN(s.ctx, min(left, l.Burst())); err != nil {
				return cmp.Or(context.Cause(s.ctx), err)
			}
		}
	}
	return nil
}
