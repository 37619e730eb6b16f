package policy

import (
	"context"
	"errors"
	"fmt"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/printable"
)

// Gate lets through what the policy of a source allows.
type Gate struct {
	Source *Source
	// Who says who asks, and why.
	Who func(ctx context.Context) (who Who, reason string, err error)
	// Host is the host's namespaces, for Ask.
	Host map[string]uint64
	// Admit sees to the limits of what was allowed, such as how many sessions there are: it refuses
	// by an error, and its end is called when the operation ends. Without it, what has limits that
	// the engine does not keep is refused.
	Admit func(ctx context.Context, who Who, op engine.Operation, d Decision) (end func(engine.Outcome), err error)
}

var _ engine.Gate = (*Gate)(nil)

// errNoAdmit reports that a rule has limits, and nobody counts.
var errNoAdmit = errors.New("nothing sees to the limits of the rule")

// Begin refuses by a fault.Refused that names the line which decides.
func (g *Gate) Begin(ctx context.Context, op engine.Operation) (end func(engine.Outcome), err error) {
	who, reason, err := g.Who(ctx)
	if err != nil {
		return nil, refused(op, "who asks is not known: %w", err)
	}
	d := g.Source.Policy().Decide(who, Ask{Operation: op, Reason: reason, Host: g.Host})
	switch {
	case !d.Allowed:
		return nil, refused(op, "%s", d.Why)
	case g.Admit == nil && !d.Limits.Kept():
		return nil, refused(op, "%s, but %w", d.Why, errNoAdmit)
	case g.Admit == nil:
		return func(engine.Outcome) {}, nil
	}
	if end, err = g.Admit(ctx, who, op, d); err != nil && fault.Of(err) == nil {
		err = refused(op, "%s, but %w", d.Why, err)
	}
	if err == nil && end == nil {
		end = func(engine.Outcome) {}
	}
	return end, err
}

func refused(op engine.Operation, format string, args ...any) error {
	name := op.Target.Name
	return fault.New(fault.Refused, name, "%s of %q is refused: %w", op.Verb, printable.Escape(name), fmt.Errorf(format, args...))
}
