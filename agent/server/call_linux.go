package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"time"

	"dlx/agent/identity"
	"dlx/target"
)

// Verbs that no gate is asked about.
const (
	verbList      = "list"
	verbNetNS     = "netns"
	verbToolboxes = "toolboxes"
	verbImport    = "import"
	verbHealth    = "health"
	verbSessions  = "sessions"
	verbCaptures  = "captures"
	verbAudit     = "audit"
	verbEnd       = "end" // of a session; who may is asked as for sessions
)

// allow asks about a verb of the agent's own.
func (s *Server) allow(ctx context.Context, verb string, c *target.Info) error {
	if s.o.Allow == nil {
		return nil
	}
	return s.o.Allow(ctx, verb, c)
}

// begin begins work, which is watched from then on. The caller ends it.
func (s *Server) begin(ctx context.Context, w *Work) (context.Context, func(), error) {
	w.ID, w.Caller = cmp.Or(w.ID, rand.Text()), identity.Of(ctx)
	if w.Started.IsZero() {
		w.Started = time.Now()
	}
	ctx = s.watch(ctx, w)
	err := s.enter(w)
	if err != nil {
		w.watch.End(err)
		return nil, nil, err
	}
	own, leave, err := s.works.begin(ctx, w)
	if err != nil {
		w.watch.End(err)
	}
	return own, leave, err
}

// enter asks about work on targets: to look for one takes the runtimes' time.
func (s *Server) enter(w *Work) error {
	if s.o.Enter == nil || len(w.Targets) == 0 {
		return nil
	}
	return s.o.Enter(w.Caller)
}

// within does a call as work. Its error is told as the engine's.
func within[T any](ctx context.Context, s handler, w *Work, do func(ctx context.Context) (T, error)) (answer T, err error) {
	ctx, leave, err := s.begin(ctx, w)
	if err != nil {
		return answer, told(err)
	}
	defer leave()
	if answer, err = do(ctx); err != nil {
		w.err = err
		return answer, told(err)
	}
	return answer, nil
}

// atOnce does a call that is no work: nobody can end it.
func atOnce[T any](ctx context.Context, s handler, verb string, do func(ctx context.Context) (T, error)) (answer T, err error) {
	w := &Work{Verb: verb, Caller: identity.Of(ctx)}
	ctx = s.watch(ctx, w)
	answer, err = do(ctx)
	w.watch.End(err)
	return answer, told(err)
}

// allowed does a call of a verb of the agent's own, if the caller may have it.
func allowed[T any](ctx context.Context, s handler, verb string, do func(ctx context.Context) (T, error)) (answer T, err error) {
	return within(ctx, s, &Work{Verb: verb}, func(ctx context.Context) (answer T, err error) {
		if err := s.allow(ctx, verb, nil); err != nil {
			return answer, err
		}
		return do(ctx)
	})
}
