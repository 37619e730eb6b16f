package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	"dlx/engine"
)

// guard lets go of a call's stream, whatever its client does. It has nothing to do with one whose
// handler has returned.
type guard struct {
	mu   sync.Mutex
	wire *http.ResponseController
	own  []engine.Connection // the call's
	over bool
}

type guardKey struct{}

func guardOf(ctx context.Context) *guard {
	g, _ := ctx.Value(guardKey{}).(*guard)
	return g
}

var past = time.Unix(1, 0)

// stopReading ends waiting for what the client sends.
func (g *guard) stopReading() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.over {
		_ = g.wire.SetReadDeadline(past)
	}
}

// cut ends waiting for the client altogether: nothing reaches it any more.
func (g *guard) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.over {
		_ = g.wire.SetReadDeadline(past)
		_ = g.wire.SetWriteDeadline(past)
	}
}

func (g *guard) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
}

// cutAfter cuts the stream when a context has ended and a time has passed. stop is called once.
func (g *guard) cutAfter(ctx context.Context, limit time.Duration) (stop func()) {
	done := make(chan struct{})
	undo := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		select {
		case <-timer.C:
			g.cut()
		case <-done:
		}
	})
	return func() {
		undo()
		close(done)
	}
}
