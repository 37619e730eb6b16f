package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"dlx/agent/identity"
	"dlx/agent/proto"
	"dlx/fault"
)

// sessions are the debugs and captures that are under way.
type sessions struct {
	mu     sync.Mutex
	all    map[string]*session
	closed error // why none begins any more
}

// session is one of them.
type session struct {
	id      string
	caller  *identity.Caller
	verb    string
	targets []string
	reason  string
	started time.Time
	bytes   atomic.Uint64 // sent to the client
	cancel  context.CancelCauseFunc
}

// begin enters a session, whose context it returns. The caller ends it.
func (s *sessions) begin(ctx context.Context, verb, reason string, targets ...string) (context.Context, *session, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	one := &session{
		id: rand.Text(), caller: identity.Of(ctx), verb: verb, targets: targets, reason: reason, started: time.Now(), cancel: cancel,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil {
		cancel(s.closed)
		return nil, nil, fault.New(fault.Refused, "", "nothing can be begun: %w", s.closed)
	}
	s.all[one.id] = one
	return ctx, one, nil
}

// leave takes out one that has ended.
func (s *sessions) leave(one *session) {
	one.cancel(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, one.id)
}

// end ends one, and says whether there was one.
func (s *sessions) end(id string, why error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.all[id]
	if ok {
		one.cancel(why)
	}
	return ok
}

// close ends all. None begins any more.
func (s *sessions) close(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = why
	for _, one := range s.all {
		one.cancel(why)
	}
}

func (s *sessions) list() []*proto.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*proto.Session
	for _, one := range s.all {
		list = append(list, &proto.Session{
			Id: one.id, User: one.caller.Name, Verb: one.verb, Targets: one.targets, Started: timestamppb.New(one.started),
			Bytes: one.bytes.Load(), Reason: one.reason,
		})
	}
	slices.SortFunc(list, func(a, b *proto.Session) int {
		return cmp.Or(a.GetStarted().AsTime().Compare(b.GetStarted().AsTime()), cmp.Compare(a.GetId(), b.GetId()))
	})
	return list
}
