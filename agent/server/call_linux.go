package server

import (
	"context"

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
)

// allow asks about a verb of the agent's own.
func (s *Server) allow(ctx context.Context, verb string, c *target.Info) error {
	if s.o.Allow == nil {
		return nil
	}
	return s.o.Allow(ctx, verb, c)
}

// within does a call as work. Its error is told as the engine's.
func within[T any](ctx context.Context, s handler, w *Work, do func(ctx context.Context) (T, error)) (answer T, err error) {
	ctx, leave, err := s.works.begin(ctx, w)
	if err != nil {
		return answer, told(err)
	}
	defer leave()
	if answer, err = do(ctx); err != nil {
		return answer, told(err)
	}
	return answer, nil
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
