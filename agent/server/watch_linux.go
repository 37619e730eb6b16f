package server

import (
	"context"

	"dlx/agent/identity"
)

// Watch is told what becomes of a call. Its methods are for any goroutine, and End is the last one
// that is called.
type Watch interface {
	Began()                       // its command runs, or its capture's sockets are open
	Sent(n int)                   // bytes of output or of packets, that are about to be sent
	Packets(sent, dropped uint64) // of a capture; dropped were lost since the last ones
	End(err error)
}

// watch has somebody told of a call that begins, in its own context.
func (s *Server) watch(ctx context.Context, w *Work) context.Context {
	w.watch = unwatched{}
	if s.o.Watch != nil {
		ctx, w.watch = s.o.Watch(ctx, w)
	}
	return ctx
}

// reject answers a call that does not become work.
func (s *Server) reject(ctx context.Context, verb string, err error) error {
	w := &Work{Verb: verb, Caller: identity.Of(ctx)}
	s.watch(ctx, w)
	w.watch.End(err)
	return told(err)
}

type unwatched struct{}

func (unwatched) Began()                 {}
func (unwatched) Sent(int)               {}
func (unwatched) Packets(uint64, uint64) {}
func (unwatched) End(error)              {}
