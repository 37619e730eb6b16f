package inject

import (
	"context"
	"errors"
	"fmt"

	"dlx/internal/linux"
	"dlx/nsutil"
)

// ToolboxDir is where a session sees the toolbox.
const ToolboxDir = "/dev/.dlx"

const (
	toolboxName = ".dlx"
	devLimit    = 4096 // entries of /dev; a container with more is refused
)

// ErrNoAnswer is the cause of giving up on a container one of whose file systems hangs.
var ErrNoAnswer = errors.New("a file system of the container does not answer")

// View is a mount namespace of a session's own. It lasts as long as the View or a process inside it.
type View struct {
	NS   *linux.FD // the mount namespace
	Root *linux.FD // its root directory, for the session
}

// Close releases the view.
func (v *View) Close() error {
	if v == nil {
		return nil
	}
	return linux.CloseAll(v.NS, v.Root)
}

// TargetView is what the process itself sees: its mount namespace and root. Nothing is changed.
func TargetView(p *nsutil.Process) (*View, error) {
	ns, err := p.MountNamespace()
	if err != nil {
		return nil, err
	}
	root, err := p.Root()
	if err != nil {
		return nil, errors.Join(err, ns.Close())
	}
	return &View{ns, root}, nil
}

// ToolboxView copies the process's mount namespace and shows box at /dev/.dlx in the copy. / stays the process's live
// root. Mounts do not propagate in either direction, so the container can not reach into the view. The container may
// have put a file system behind /dev that never answers, hence ctx.
func ToolboxView(ctx context.Context, p *nsutil.Process, box *Mounted, readOnly bool) (*View, error) {
	return build(ctx, p, readOnly, func(root *linux.FD) error { return showToolbox(root, box) })
}

// ReadOnlyView copies the process's mount namespace and makes every mount in the copy read-only.
func ReadOnlyView(ctx context.Context, p *nsutil.Process) (*View, error) {
	return build(ctx, p, true, func(*linux.FD) error { return nil })
}

// build runs change on a thread that has joined a copy of p's mount namespace, and returns the copy.
func build(ctx context.Context, p *nsutil.Process, readOnly bool, change func(root *linux.FD) error) (*View, error) {
	type result struct {
		view *View
		err  error
	}
	done := make(chan result, 1)
	go func() {
		v := &View{}
		err := nsutil.OnThread(func() error { return v.make(p, readOnly, change) })
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, fmt.Errorf("build the session's view: %w", errors.Join(r.err, r.view.Close()))
		}
		return r.view, nil
	case <-ctx.Done():
		// If the thread hangs in the kernel, on a file system of the container's, it ends with the process; else it is late,
		// and what it has made is closed then.
		go func() {
			r := <-done
			_ = r.view.Close()
		}()
		return nil, fmt.Errorf("build the session's view: %w", context.Cause(ctx))
	}
}

// make changes the mounts from the namespace's root, since the process's may be no mount point, and then stays in the
// process's.
func (v *View) make(p *nsutil.Process, readOnly bool, change func(root *linux.FD) error) error {
	self, err := nsutil.OpenSelf()
	if err != nil {
		return err
	}
	defer self.Close()
	if err := p.EnterMounts(); err != nil {
		return err
	}
	if err := linux.UnshareMounts(); err != nil {
		return err
	}
	if err := linux.MakePrivate(); err != nil {
		return err
	}
	top, err := linux.OpenPath("/")
	if err != nil {
		return err
	}
	defer top.Close()
	if err := linux.ChrootHere(); err != nil {
		return err
	}
	if v.Root, err = linux.OpenPath("/"); err != nil {
		return err
	}
	if err := change(v.Root); err != nil {
		return err
	}
	if readOnly {
		if err := linux.SetReadOnly(top); err != nil {
			return err
		}
	}
	v.NS, err = self.MountNamespace()
	return err
}

// showToolbox puts a tmpfs over /dev that has a clone of each entry of the old one, and the toolbox beside them.
func showToolbox(root *linux.FD, box *Mounted) error {
	old, err := openDev(root)
	if err != nil {
		return err
	}
	defer old.Close()
	entries, err := cloneEntries(old)
	defer func() {
		for _, e := range entries {
			e.tree.Close()
		}
	}()
	if err != nil {
		return err
	}
	fs, err := linux.Fsopen("tmpfs")
	if err != nil {
		return err
	}
	defer fs.Close()
	if err := errors.Join(fs.SetString("mode", "755"), fs.Create()); err != nil {
		return err
	}
	dev, err := fs.Mount(linux.MountNosuid | linux.MountNoexec)
	if err != nil {
		return err
	}
	defer dev.Close()
	if err := linux.MoveMount(dev, old, ""); err != nil {
		return err
	}
	for _, e := range entries {
		if err := e.place(dev); err != nil {
			return err
		}
	}
	if err := linux.MkdirAt(dev, toolboxName, 0o755); err != nil {
		return err
	}
	if err := box.attach(dev, toolboxName); err != nil {
		return err
	}
	return linux.MakeReadOnly(dev)
}

// openDev opens /dev of the view. A link in its place could lead anywhere, a FUSE file system could hang.
func openDev(root *linux.FD) (*linux.FD, error) {
	dev, err := linux.OpenBeneath(root, "dev", linux.OPath|linux.ODirectory|linux.ONoFollow)
	if err != nil {
		return nil, &NoDevError{err}
	}
	magic, err := linux.Magic(dev)
	if err != nil || magic == linux.MagicFuse {
		return nil, errors.Join(&NoDevError{fmt.Errorf("file system type %#x", magic)}, err, dev.Close())
	}
	return dev, nil
}

// NoDevError reports that the target has no /dev to show the toolbox in.
type NoDevError struct{ Err error }

func (e *NoDevError) Error() string { return "target has no usable /dev: " + e.Err.Error() }
func (e *NoDevError) Unwrap() error { return e.Err }

// Hint names what needs no /dev.
func (e *NoDevError) Hint() string {
	return "use --fs host for the host's tools, or --fs target for the container's"
}
