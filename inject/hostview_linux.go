package inject

import (
	"context"
	"errors"
	"fmt"

	"dlx/internal/linux"
	"dlx/nsutil"
)

// HostView is a copy of the host's mount namespace with the /proc of the process's pid namespace,
// so that ps and its kin tell of the container. Mounting a new /proc takes a process in that
// namespace, and the container could trace it. So the /proc that the runtime has mounted is cloned,
// after a check that it is one.
func HostView(ctx context.Context, p *nsutil.Process, o ViewOptions) (*View, error) {
	var proc *linux.FD
	differ, err := p.Differing()
	if err != nil {
		return nil, err
	}
	if differ&nsutil.Pid != 0 {
		if proc, err = cloneProc(ctx, p); err != nil {
			return nil, err
		}
		defer proc.Close()
	}
	return build(ctx, nil, o, func(v *View, top *linux.FD) error { return v.showHost(top, proc, o) })
}

// showHost keeps the host's /dev, except for its terminals:
// nobody else has made its nodes. It puts proc in place.
func (v *View) showHost(top, proc *linux.FD, o ViewOptions) error {
	old, err := v.openDev()
	if err != nil {
		return err
	}
	defer old.Close()
	dev, err := linux.CloneTree(old, "", true)
	if err != nil {
		return err
	}
	defer dev.Close()
	if err := v.restrict(top, o); err != nil {
		return err
	}
	if o.ReadOnly {
		if err := linux.SetMountAttrs(dev, linux.MountRdonly); err != nil {
			return err
		}
	}
	if o.Rootless {
		if err := linux.SetMountAttrs(dev, linux.MountNodev); err != nil {
			return err
		}
	}
	if err := linux.MoveMount(dev, old, ""); err != nil {
		return err
	}
	if o.Rootless {
		if err := v.placeUsual(dev, true); err != nil {
			return err
		}
	}
	if err := v.showPts(dev); err != nil && !errors.Is(err, linux.ErrNotExist) { // a host may have none
		return err
	}
	if proc == nil {
		return nil
	}
	host, err := linux.OpenBeneath(v.Root, "proc", linux.OPath|linux.ODirectory)
	if err != nil {
		return err
	}
	defer host.Close()
	return linux.MoveMount(proc, host, "")
}

// cloneProc clones the container's /proc without the masks that the runtime has mounted below it.
func cloneProc(ctx context.Context, p *nsutil.Process) (*linux.FD, error) {
	var proc *linux.FD
	view, err := build(ctx, p, ViewOptions{}, func(v *View, _ *linux.FD) error {
		dir, err := linux.OpenBeneath(v.Root, "proc", linux.OPath|linux.ODirectory|linux.ONoFollow)
		if err != nil {
			return err
		}
		defer dir.Close()
		if err := p.CheckProc(dir); err != nil {
			return err
		}
		proc, err = linux.CloneTree(dir, "", false)
		if errors.Is(err, linux.ErrInvalid) { // mounts below it that may not be uncovered
			proc, err = linux.CloneTree(dir, "", true)
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("take the container's /proc: %w", err), proc.Close())
	}
	return proc, view.Close()
}
