package server

import (
	"context"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"dlx/agent/identity"
	"dlx/agent/proto"
	"dlx/agent/proto/protoconnect"
	"dlx/internal/pause"
)

// seen is what is under way of the caller's, or all of it if the caller may see that.
func (s *Server) seen(ctx context.Context) []*proto.Session {
	of := identity.Of(ctx)
	if s.allow(ctx, verbSessions, nil) == nil {
		of = nil
	}
	return s.works.list(of)
}

// watchEvery is how often what is under way is looked at, for who watches it.
const watchEvery = time.Second

// WatchSessions sends what Sessions answers whenever that has changed. A policy that changes counts
// from then on.
func (s handler) WatchSessions(ctx context.Context, _ *proto.WatchSessionsRequest, stream protoconnect.AgentWatchSessionsServerStream) (err error) {
	w := &Work{Verb: verbSessions}
	ctx, leave, err := s.begin(ctx, w)
	if err != nil {
		return told(err)
	}
	defer func() { w.err = err; leave() }()
	defer pause.Behind(ctx, cutLimit, guardOf(ctx).cut)()
	var last *proto.WatchSessionsResponse
	for {
		now := &proto.WatchSessionsResponse{Sessions: s.seen(ctx)}
		if last == nil || !protobuf.Equal(last, now) {
			if err := stream.Send(now); err != nil {
				return err
			}
			last = now
		}
		if err := pause.For(ctx, watchEvery); err != nil {
			return told(context.Cause(ctx))
		}
	}
}
