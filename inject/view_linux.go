package inject

import (
	"context"
	"errors"
	"fmt"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/rootfs"
	"dlx/nsutil"
)

// ToolboxDir is where a session sees the toolbox, HomeDir an empty folder of its own, and ShellPath
// the toolbox's shell.
const (
	ToolboxDir = "/dev/.dlx"
	HomeDir    = "/dev/.home"
	ShellPath  = "/dev/" + shellName
)

// Nowhere is a folder below which programs of toolboxes have paths, where nothing is to be found
// (toolbox/build/redirect_linux.go).
const Nowhere = "/dev/" + reserved

// AccountsPath stands for /etc/passwd in toolbox programs that dlx has not built itself; it is as
// long. Some look for start-up files in the home that a passwd file names, whatever HOME says.
const AccountsPath = "/dev/" + accountsDir + "/" + accountsName

const (
	toolboxName = ".dlx"
	homeName    = ".home"
	shellName   = "sh" // what the tools have for /bin/sh

	accountsDir  = ".dl"
	accountsName = "pw"

	// reserved begins the names of entries of /dev that are dlx's own, there or not.
	reserved = ".dl"
	devLimit = 4096 // entries of /dev; a container with more is refused
)

// ErrNoAnswer is the cause of giving up on a container one of whose file systems hangs.
var ErrNoAnswer = rootfs.ErrNoAnswer

// View is a session's own mount namespace. It lasts while the View or a process inside it does.
//
// Only device nodes in its /dev can be opened. The usual ones there are dlx's own: the container
// may have put another device in their place. What else it has in /dev stays.
type View struct {
	NS    *linux.FD // the mount namespace
	Root  *linux.FD // its root directory, for the session
	Pts   *linux.FD // its /dev/pts, of the session alone; nil if it has none
	Home  *linux.FD // its HomeDir, root's as yet; nil without a toolbox
	Nodev bool      // device nodes outside of /dev can not be opened: Linux 5.12

	dev    *linux.FD   // its /dev, until that is sealed; nil if it has none of dlx's own
	mounts []byte      // the table of its mounts, as they were copied
	usual  []*linux.FD // clones of the machine's usual nodes, where none can be made
}

// Close releases the view.
func (v *View) Close() error {
	if v == nil {
		return nil
	}
	return errors.Join(linux.CloseAll(v.usual...), linux.CloseAll(v.NS, v.Root, v.Pts, v.Home, v.dev))
}

// ViewOptions say what a view is to be like.
type ViewOptions struct {
	ReadOnly bool     // every mount in it
	Devices  []Device // beside the usual ones
	// Rootless makes a view of who is root of a user namespace alone. Device nodes other than the
	// usual ones can not be opened in it. Devices has to be empty.
	Rootless bool
}

// TargetView copies the process's mount namespace and adds nothing but a /dev, if the process has
// one.
func TargetView(ctx context.Context, p *nsutil.Process, o ViewOptions) (*View, error) {
	return build(ctx, p, o, func(v *View, top *linux.FD) error {
		err := v.showDev(top, nil, o)
		if errors.Is(err, fault.NoDev) {
			return v.restrict(top, o)
		}
		return err
	})
}

// ToolboxView copies the process's mount namespace. In the copy it shows box at /dev/.dlx, and
// beside it a home that can be written with o.ReadOnly too. / stays the process's live root. Mounts
// propagate in neither direction, so the container can not reach into the view. It may have put a
// file system that never answers behind /dev, hence ctx.
func ToolboxView(ctx context.Context, p *nsutil.Process, box *Mounted, o ViewOptions) (*View, error) {
	return build(ctx, p, o, func(v *View, top *linux.FD) error { return v.showDev(top, box, o) })
}

// build runs change on a thread that has joined a copy of p's mount namespace, and returns the
// copy. top is the root of the namespace, which the process's own root may not be.
func build(ctx context.Context, p *nsutil.Process, o ViewOptions, change func(v *View, top *linux.FD) error) (*View, error) {
	type result struct {
		view *View
		err  error
	}
	done := make(chan result, 1)
	go func() {
		v := &View{}
		err := nsutil.OnThread(func() error { return v.make(p, o, change) })
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, fmt.Errorf("build the session's view: %w", errors.Join(r.err, r.view.Close()))
		}
		return r.view, nil
	case <-ctx.Done():
		// A thread that hangs in the kernel, on a file system of the container's, ends with the
		// process. A thread that is only late has what it made closed here.
		go func() {
			r := <-done
			_ = r.view.Close()
		}()
		return nil, fmt.Errorf("build the session's view: %w", context.Cause(ctx))
	}
}

// make changes the mounts from the namespace's root, since the process's may be no mount point, and
// then stays in the process's.
func (v *View) make(p *nsutil.Process, o ViewOptions, change func(v *View, top *linux.FD) error) error {
	self, err := nsutil.OpenSelf()
	if err != nil {
		return err
	}
	defer self.Close()
	if o.Rootless {
		if v.usual, err = cloneUsual(); err != nil {
			return err
		}
	}
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
	// The table is read before chroot: afterwards it lacks the mounts that the root is part of.
	if v.mounts, err = self.MountInfo(); err != nil {
		return err
	}
	if err := linux.ChrootHere(); err != nil {
		return err
	}
	if v.Root, err = linux.OpenPath("/"); err != nil {
		return err
	}
	if err := change(v, top); err != nil {
		return err
	}
	v.NS, err = self.MountNamespace()
	return err
}

// restrict takes device nodes, and writing, from every mount that is there.
func (v *View) restrict(top *linux.FD, o ViewOptions) error {
	attrs := linux.MountNodev
	if o.ReadOnly {
		attrs |= linux.MountRdonly
	}
	err := linux.SetMountAttrs(top, attrs)
	switch {
	case errors.Is(err, linux.ErrNoSys) && o.Rootless:
		return errNoNodev
	case errors.Is(err, linux.ErrNoSys) && !o.ReadOnly:
		return nil // the devices that the session may open are the container's all the same
	}
	v.Nodev = err == nil
	return err
}

// openDev opens /dev of the view. A link in its place could lead anywhere.
// A file system that somebody has to answer for could hang if it is asked:
// the thread's mount table tells of it instead.
func (v *View) openDev() (*linux.FD, error) {
	dev, err := linux.OpenBeneath(v.Root, "dev", linux.OPath|linux.ODirectory|linux.ONoFollow)
	if err != nil {
		return nil, noDev(err)
	}
	if !rootfs.Answers(dev, v.mounts) {
		return nil, errors.Join(noDev(errors.New("it is on a file system that may not answer")), dev.Close())
	}
	return dev, nil
}

// noDev reports a target that has no /dev to show the toolbox in.
func noDev(err error) error {
	return fault.New(fault.NoDev, "", "target has no usable /dev: %w", err)
}
