package engine

import (
	"errors"
	"path/filepath"
	"sync"

	"dlx/inject"
	"dlx/internal/rootless"
	"dlx/target"
	"dlx/toolbox"
)

// Local does the work in this process, which has to be root's.
type Local struct {
	o       LocalOptions
	targets *target.Set
	bundled func() (*toolbox.Verified, error)
	store   *toolbox.Store
	ready   ready
	// rootless says that this process is root of a user namespace alone.
	rootless bool
}

var _ Engine = (*Local)(nil)

// LocalOptions are what a Local can be told; zero values are the defaults. It reads no variable of
// the environment.
type LocalOptions struct {
	Runtimes []target.Runtime // where names are looked for; the Local closes them
	State    string           // directory of what outlives dlx; DefaultState
	Run      string           // directory of what lasts until the machine is switched off; /run/dlx
	Configs  []string         // directories of trusted keys; toolbox.SystemConfig
	// Bundled is the toolbox that is shown below all others; toolbox.VerifyDefault.
	Bundled func() (*toolbox.Verified, error)
	// HostFiles lets requests name files of this machine.
	HostFiles bool
	// KeepReady is for who serves many: from the first session on the bundled toolbox stays placed,
	// and the next session's first process and keeper are made beside the one that runs.
	KeepReady bool
	Gate      Gate // asked before each operation; all may be done
}

// NewLocal does not wait for the runtimes.
func NewLocal(o LocalOptions) *Local {
	if o.State == "" {
		o.State = DefaultState
	}
	if o.Run == "" {
		o.Run = "/run/dlx"
	}
	if o.Configs == nil {
		o.Configs = []string{toolbox.SystemConfig}
	}
	if o.Bundled == nil {
		o.Bundled = toolbox.VerifyDefault
	}
	l := &Local{
		o: o, targets: target.NewSet(o.Runtimes...), bundled: sync.OnceValues(o.Bundled),
		store: toolbox.NewStore(filepath.Join(o.State, "toolboxes")), rootless: rootless.Inside(),
	}
	l.targets.SetStandIn(l.standIn)
	return l
}

// openJournal opens the records of injected toolboxes.
func (l *Local) openJournal() (*inject.Journal, error) { return inject.OpenJournal(l.journal()) }

func (l *Local) journal() string { return filepath.Join(l.o.State, "journal") }

// Close releases the connections, and what was kept ready.
func (l *Local) Close() error { return errors.Join(l.ready.close(), l.targets.Close()) }

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
