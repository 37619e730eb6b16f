package engine

import (
	"context"
	"errors"

	"dlx/fault"
	"dlx/nsutil"
	"dlx/target"
)

// begin asks the gate. Without one, everything may be done.
func (l *Local) begin(ctx context.Context, op Operation, held *nsutil.Process) (end func(Outcome), err error) {
	if l.o.Gate == nil {
		return func(Outcome) {}, nil
	}
	if op.Subject == "" {
		op.Subject = subjectOf(&op.Target)
	}
	if held != nil {
		started, err := held.StartTicks()
		if err != nil {
			return nil, err
		}
		op.Process = &Process{PID: held.PID(), Started: started, Namespaces: map[string]uint64{}}
		for kind, id := range held.Namespaces() {
			op.Process.Namespaces[kind.String()] = id.Ino
		}
	}
	end, err = l.o.Gate.Begin(ctx, op)
	if err != nil && fault.Of(err) == nil {
		err = fault.New(fault.Refused, op.Target.Name, "%s of %q is refused: %w", op.Verb, op.Target.Name, err)
	}
	if err == nil && end == nil {
		err = errors.New("a gate lets an operation through and does not want to know its end")
	}
	return end, err
}

// admitAll verifies targets, and asks the gate about all of them before any is captured in.
func (f *followers) admitAll(ctx context.Context, targets []*target.Target) error {
	var steps []func() error
	for _, t := range targets {
		steps = append(steps, func() error { return t.Verify(ctx) })
	}
	if err := together(steps...); err != nil {
		return err
	}
	for _, t := range targets {
		if err := f.admit(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// admit asks the gate about a target that was verified.
func (f *followers) admit(ctx context.Context, t *target.Target) error {
	grant := &CaptureGrant{Interface: f.req.Interface, Filter: f.req.Filter, SnapLen: f.req.SnapLen, User: f.req.User, Ring: int64(f.ringSize())}
	end, err := f.l.begin(ctx, Operation{Verb: VerbCapture, Target: t.Info, Capture: grant}, t.Process)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ends = append(f.ends, end)
	return nil
}

// end tells the gate what has become of the capture. Nobody follows any more.
func (f *followers) end(o Outcome) {
	for _, end := range f.ends {
		end(o)
	}
}
