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
	defer func() { err = fault.In("interfaces", ref, err) }()
	t, err := l.targets.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	list, err = capture.Interfaces(func(f func() error) error { return t.Process.Do(nsutil.Net, f) })
	return list, errors.Join(err, t.Close())
}
