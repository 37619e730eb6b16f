package engine

import (
	"context"
	"errors"

	"dlx/capture"
	"dlx/fault"
	"dlx/nsutil"
)

// Interfaces lists the interfaces of a target's network namespace.
func (l *Local) Interfaces(ctx context.Context, ref string) (list []capture.Interface, err error) {
	defer func() { err = fault.In(string(VerbInterfaces), ref, err) }()
	t, err := l.targets.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	end, err := l.begin(ctx, Operation{Verb: VerbInterfaces, Target: t.Info}, t.Process)
	if err != nil {
		return nil, err
	}
	defer func() { end(Outcome{Err: err}) }()
	return capture.Interfaces(func(f func() error) error { return t.Process.Do(nsutil.Net, f) })
}
