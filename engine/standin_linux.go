package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/standin"
	"dlx/nsutil"
	"dlx/shell"
	"dlx/target"
)

// openFor takes hold of what a session is asked for, or of what stands for it.
func (l *Local) openFor(ctx context.Context, req DebugRequest) (*target.Target, *stood, error) {
	ref, err := target.ParseRef(req.Target)
	if err != nil {
		return nil, nil, err
	}
	image := ref.Scheme == target.ImageScheme
	switch {
	case l.rootless && (image || req.Stopped || ref.Scheme == target.NetNSScheme):
		return nil, nil, fault.New(fault.NoPrivileges, ref.Name, "no permission to have a process stand for what does not run: it takes a control group and device nodes")
	case ref.Scheme == target.NetNSScheme && req.FS != FSHost:
		return nil, nil, fault.New(fault.NoFiles, ref.Name, "%s is a network namespace, and has no files", ref)
	case image && req.Stopped:
		return nil, nil, fault.New(fault.BadRequest, ref.Name, "%s is an image, and no stopped container", ref)
	case (image || req.Stopped) && req.FS == FSHost:
		return nil, nil, fault.New(fault.BadFileSystem, string(req.FS), "the files of what does not run are all that there is of it, and not the host's")
	case image || req.Stopped:
		return l.openStill(ctx, req.Target, image)
	}
	t, err := l.targets.Open(ctx, req.Target)
	return t, nil, err
}

// subjectOf is what a target that is known by its runtime is.
func subjectOf(c *target.Info) Subject {
	if c.Runtime == target.NetNSScheme {
		return SubjectNetNS
	}
	return SubjectContainer
}

// containerOnly refuses targets without files that outlive a session.
func containerOnly(verb Verb, name string) error {
	ref, _ := target.ParseRef(name) // what is none, others report
	switch ref.Scheme {
	case target.NetNSScheme:
		return fault.New(fault.WrongTarget, name, "%s takes a container, and %s is a network namespace", verb, ref)
	case target.ImageScheme:
		return fault.New(fault.WrongTarget, name, "%s takes a container, and %s is an image", verb, ref)
	}
	return nil
}

// standIn has a process stand for a network namespace, until that has another name or none.
func (l *Local) standIn(ctx context.Context, c *target.Info) (p *nsutil.Process, end func() error, err error) {
	ns, err := target.OpenNetNS(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, ns.Close()) }()
	program, err := l.sealed()
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, program.Close()) }()
	k, err := standin.Network(ctx, program, ns)
	if err != nil {
		return nil, nil, err
	}
	id := ns.ID()
	return k.Process, endWhen(k, func(ctx context.Context) { whileNamed(ctx, c, id) }), nil
}

// sealed is dlx-init of the toolbox that comes with dlx.
func (l *Local) sealed() (*linux.FD, error) {
	own, err := l.bundled()
	if err != nil {
		return nil, err
	}
	return sealedInit(own)
}

// endWhen ends a process when reason returns, and returns what closes it before.
func endWhen(k *shell.Kept, reason func(context.Context)) (end func() error) {
	ctx, stop := context.WithCancel(context.Background())
	var watch sync.WaitGroup
	watch.Go(func() {
		reason(ctx)
		if ctx.Err() == nil {
			_ = k.Kill() // one that has ended is what was wanted
		}
	})
	return func() error {
		stop()
		watch.Wait()
		return k.Close()
	}
}

// namedEvery is how often it is looked whether a network namespace still has its name. The file
// system that it is on tells of no change (inotify(7): mounts do not).
const namedEvery = 2 * time.Second

// whileNamed returns when the path of a namespace leads to another one or nowhere, or with ctx. A
// process in it would keep it, and a capture would go on in silence.
func whileNamed(ctx context.Context, c *target.Info, id nsutil.ID) {
	every := time.NewTicker(namedEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		ns, err := target.OpenNetNS(ctx, c)
		same := err == nil && ns.ID() == id
		if ns.Close() != nil || !same {
			return
		}
	}
}
