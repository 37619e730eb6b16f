package agent

import (
	"context"
	"log/slog"

	"dlx/fault"
	"dlx/record/audit"
	"dlx/record/ran"
)

// programs tells of those that sessions start.
type programs struct {
	watcher *ran.Watcher // nil: the kernel does not tell
	why     error
	need    bool
	log     *slog.Logger
}

// openPrograms has the kernel tell, and says if it does not.
func openPrograms(c *Config) programs {
	p := programs{need: c.NeedPrograms, log: c.Log}
	watch := ran.Open
	if c.watch != nil {
		watch = c.watch
	}
	if p.watcher, p.why = watch(); p.why == nil {
		return p
	}
	if p.need {
		c.Log.Error("no session begins: the programs that it starts can not be recorded", "error", p.why)
	} else {
		c.Log.Warn("the programs that sessions start are not recorded", "error", p.why)
	}
	return p
}

// needed is why no session may begin, nil if one may.
func (p programs) needed() error {
	if !p.need {
		return nil
	}
	return p.why
}

func (p programs) close() error { return p.watcher.Close() }

// watched is a session whose programs are told of, or are not. A nil one is none.
type watched struct {
	session *ran.Session
	unknown string // why they are not
	log     *slog.Logger
	id      string
}

// begin has those of an operation told of, if it is a session. Nothing of it runs yet.
func (p programs) begin(a *admission) (*watched, error) {
	s := a.op.Session
	if s == nil {
		return nil, nil //nolint:nilnil // a nil one is none
	}
	w := &watched{log: p.log, id: a.id}
	err := p.why
	if p.watcher != nil {
		w.session, err = p.watcher.Watch(s.Group, ran.Options{
			Write: func(r audit.Ran) error {
				_, err := a.gate.log.Append(context.Background(), audit.Entry{Kind: audit.KindRan, ID: a.id, Ran: &r})
				return err
			},
			Fail: func(err error) {
				a.work.End(fault.New(fault.NoRecord, a.op.Target.Name, "what is started can not be recorded: %w", err))
			},
			Strict: p.need,
		})
	}
	switch {
	case err != nil && p.need:
		return nil, a.refusal(fault.NoRecord, "what it starts can not be recorded: %w", err)
	case err != nil:
		w.unknown = err.Error()
	}
	return w, nil
}

// entry is what the record says of it when it begins.
func (w *watched) entry() *audit.Ran {
	if w == nil || w.session != nil {
		return nil
	}
	return &audit.Ran{Unknown: w.unknown}
}

// end waits until all has been told, and recorded, that was started. It is bounded.
func (w *watched) end() *audit.Ran {
	if w == nil || w.session == nil {
		return w.entry()
	}
	sum := w.session.End()
	if sum.Unknown != "" || sum.Lost > 0 {
		w.log.Warn("the programs of a session are not all known", "id", w.id, "lost", sum.Lost, "why", sum.Unknown)
	}
	return &sum
}
