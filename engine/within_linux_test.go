package engine_test

import (
	"context"
	"testing"
	"time"

	"dlx/engine"
)

// within is the time that one operation may take.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// noted says when a capture is on.
type noted struct {
	engine.Sink
	on chan struct{}
}

func (n *noted) Begin() error {
	close(n.on)
	return n.Sink.Begin()
}
