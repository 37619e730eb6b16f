package policy_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"dlx/agent/policy"
	"dlx/engine"
	"dlx/fault"
)

type whoKey struct{}

func whoOf(ctx context.Context) (policy.Who, string, error) {
	who, ok := ctx.Value(whoKey{}).(policy.Who)
	if !ok {
		return who, "", errors.New("no credentials")
	}
	return who, "it is slow", nil
}

func newGate(t *testing.T, rules string) (*policy.Gate, string) {
	t.Helper()
	s, name := newSource(t)
	write(t, name, "version: 1\nrules:\n"+rules, time.Minute)
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	return &policy.Gate{Source: s, Who: whoOf, Host: hosts}, name
}

// TestGate: what is refused is a fault that names the line; what is allowed goes through what sees
// to its limits.
func TestGate(t *testing.T) {
	g, name := newGate(t, open("limits: {sessions: 1}"))
	ctx := context.WithValue(t.Context(), whoKey{}, alice)
	refused := func(ctx context.Context, op engine.Operation, want string) {
		t.Helper()
		end, err := g.Begin(ctx, op)
		if end != nil || !errors.Is(err, fault.Refused) || fault.Of(err).Target != op.Target.Name || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	op := ask(nil).Operation
	refused(t.Context(), op, `debug of "web" is refused: who asks is not known: no credentials`)
	refused(context.WithValue(t.Context(), whoKey{}, bob), op, "by default: no rule")
	refused(ctx, op, name+`:3: rule "it" allows alice the debug of docker://web, but nothing sees to the limits of the rule`)

	full, sessions := errors.New("alice has 1 session of 1"), 0
	g.Admit = func(_ context.Context, who policy.Who, op engine.Operation, d policy.Decision) (func(engine.Outcome), error) {
		if who.User != "alice" || op.Target.Name != "web" || d.Limits.Sessions != 1 {
			t.Errorf("%+v, %+v, %+v", who, op, d)
		}
		if sessions == d.Limits.Sessions {
			return nil, full
		}
		sessions++
		return func(engine.Outcome) { sessions-- }, nil
	}
	end, err := g.Begin(ctx, op)
	if err != nil {
		t.Fatal(err)
	}
	refused(ctx, op, "but alice has 1 session of 1")
	if _, err := g.Begin(ctx, op); !errors.Is(err, full) {
		t.Error(err)
	}
	if end(engine.Outcome{}); sessions != 0 {
		t.Error("the end is not told")
	}
}

// TestGateWithout: limits that the engine keeps take nobody to see to them.
func TestGateWithout(t *testing.T) {
	g, _ := newGate(t, open("limits: {memory: 1g, pids: 512}"))
	ctx := context.WithValue(t.Context(), whoKey{}, alice)
	end, err := g.Begin(ctx, ask(nil).Operation)
	if err != nil || end == nil {
		t.Fatal(err)
	}
	end(engine.Outcome{})
	g.Source = &policy.Source{}
	if _, err := g.Begin(ctx, ask(nil).Operation); !errors.Is(err, fault.Refused) {
		t.Errorf("%v without a policy", err)
	}
}
