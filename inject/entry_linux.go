package inject

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dlx/internal/linux"
)

// entry is an entry of a directory that is being replaced:
// a link, or a clone with what is mounted there.
type entry struct {
	name string
	dir  bool
	link string
	tree *linux.FD // nil for a link
}

// cloneEntries clones every entry of dir but those that dlx makes itself. What it has cloned is
// returned with an error too.
func cloneEntries(dir *linux.FD, more []Device) ([]entry, error) {
	names, err := linux.ReadDir(dir, devLimit)
	if err != nil {
		return nil, fmt.Errorf("list /dev: %w", err)
	}
	var entries []entry
	for _, name := range names {
		if own(name) || isOf(more, name) || !linux.CleanComponent(name) {
			continue
		}
		e, err := cloneEntry(dir, name)
		if errors.Is(err, linux.ErrAccess) { // a mount that shows itself to its owner alone (fuse(4), allow_other)
			continue
		}
		if err != nil {
			return entries, fmt.Errorf("clone /dev/%s: %w", name, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// isOf says whether one of the devices is the entry or below it.
func isOf(list []Device, name string) bool {
	return slices.ContainsFunc(list, func(d Device) bool {
		first, _, _ := strings.Cut(d.Name, "/")
		return first == name
	})
}

func cloneEntry(dir *linux.FD, name string) (e entry, err error) {
	e.name = name
	kind, err := linux.TypeAt(dir, name)
	if err != nil {
		return e, err
	}
	switch kind {
	case linux.ModeSymlink:
		e.link, err = linux.ReadlinkAt(dir, name)
		return e, err
	case linux.ModeDir:
		e.dir = true
	}
	e.tree, err = linux.CloneTree(dir, name, true)
	return e, err
}

// place puts the entry into dir.
func (e *entry) place(dir *linux.FD, o ViewOptions) (err error) {
	switch {
	case e.tree == nil:
		return linux.SymlinkAt(e.link, dir, e.name)
	case e.dir:
		err = linux.MkdirAt(dir, e.name, 0o755)
	default:
		err = linux.MkfileAt(dir, e.name, 0o644)
	}
	attrs := 0
	if o.ReadOnly {
		attrs |= linux.MountRdonly
	}
	if o.Rootless {
		attrs |= linux.MountNodev
	}
	if err == nil && attrs != 0 {
		err = linux.SetMountAttrs(e.tree, attrs)
	}
	if err != nil {
		return err
	}
	return linux.MoveMount(e.tree, dir, e.name)
}
