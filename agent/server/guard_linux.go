package server

import (
	"context"
	"crypto/tls"
	"net/http"
	"sync"
	"time"

	"dlx/engine"
	"dlx/fault"
)

// guard lets go of a call's stream, whatever its client does. It has nothing to do with one whose
// handler has returned.
type guard struct {
	mu   sync.Mutex
	wire *http.ResponseController
	own  []engine.Connection // the call's
	tls  *tls.ConnectionState
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

// opening receives the first message of a stream, which says what it is to be.
func opening[M any](g *guard, receive func() (M, error)) (m M, err error) {
	late := time.AfterFunc(headerLimit, g.stopReading)
	defer late.Stop()
	if m, err = receive(); err != nil {
		err = fault.New(fault.BadRequest, "", "%s: %w", noOpening, err)
	}
	return m, err
}

// noOpening is wrong with a stream whose first message is another one.
const noOpening = "a session or a capture begins with what it is to be"
