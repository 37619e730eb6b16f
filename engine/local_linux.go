package engine

import (
	"context"
	"errors"
	"sync"

	"dlx/inject"
	"dlx/target"
	"dlx/toolbox"
)

// Local does the work in this process, which has to be root's.
type Local struct {
	docker  *target.Docker
	box     func() (*toolbox.Verified, error)
	journal string // directory of the records of injected toolboxes
}

var _ Engine = (*Local)(nil)

// NewLocal takes the Docker engine from DOCKER_HOST; it does not connect yet.
func NewLocal() (*Local, error) {
	docker, err := target.NewDocker()
	if err != nil {
		return nil, err
	}
	return &Local{docker, sync.OnceValues(defaultToolbox), inject.DefaultJournal}, nil
}

func defaultToolbox() (*toolbox.Verified, error) {
	bundle, err := toolbox.Default()
	if err != nil {
		return nil, err
	}
	return toolbox.Verify(bundle)
}

// Close releases the connections.
func (l *Local) Close() error { return l.docker.Close() }

// open takes hold of a target.
func (l *Local) open(ctx context.Context, ref string) (*target.Target, error) {
	return target.Open(ctx, l.docker, ref)
}

// together runs the steps at the same time and joins their errors.
func together(steps ...func() error) error {
	var wg sync.WaitGroup
	errs := make([]error, len(steps))
	for i, step := range steps {
		wg.Go(func() { errs[i] = step() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
