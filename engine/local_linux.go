package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
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
	run     string // directory of the quotas
}

var _ Engine = (*Local)(nil)

// LocalOptions are what a Local can be told; zero values are the defaults.
type LocalOptions struct {
	Journal string // directory of the records of injected toolboxes; Journal()
	Run     string // directory of what lasts until the machine is switched off; /run/dlx
}

// Journal is the directory of the records of injected toolboxes: below DLX_STATE_DIR, or inject.DefaultJournal.
func Journal() string {
	if dir := os.Getenv(StateVariable); dir != "" {
		return filepath.Join(dir, "journal")
	}
	return inject.DefaultJournal
}

// NewLocal takes the Docker engine from DOCKER_HOST, and does not wait for it.
func NewLocal(o LocalOptions) (*Local, error) {
	if o.Journal == "" {
		o.Journal = Journal()
	}
	if o.Run == "" {
		o.Run = "/run/dlx"
	}
	docker, err := target.NewDocker()
	if err != nil {
		return nil, err
	}
	return &Local{docker, sync.OnceValues(toolbox.VerifyDefault), o.Journal, o.Run}, nil
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
