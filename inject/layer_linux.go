package inject

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dlx/fault"
	"dlx/internal/failpoint"
	"dlx/internal/linux"
	"dlx/toolbox"
)

// Dir is where a container finds an injected toolbox.
const Dir = "/" + dirName

const (
	dirName    = ".dlx"
	tempPrefix = ".dlx-"
)

// Layer is the root of a container's file system on the host, as the runtime's API names it. A live
// container's is the merged mount: changes of an upperdir below a mounted overlay are undefined
// (the kernel's overlayfs.rst). A stopped one has no mount; its Layer is the upperdir.
type Layer struct {
	ID, Name string
	Path     string
	Live     bool
	Lower    []string        // for a stopped one: the image's layers
	Is       func(Root) bool // for a live one: whether the root is that of the container's process; may be nil
}

// Root identifies a directory.
type Root struct{ Dev, Ino uint64 }

// Why a toolbox can not be injected.
var (
	ErrForeign = errors.New("the container has a " + Dir + " of its own")
	ErrNoLayer = errors.New("the runtime names no directory on this host that the container's files could be reached through")
)

// unreachable reports a container whose files nothing can be placed among.
func (l Layer) unreachable(err error) error {
	kind := fault.NoLayer
	if !l.Live {
		kind = fault.NoStoppedLayer
	}
	return fault.New(kind, l.Name, "inject into %s: %w", l.Name, err)
}

// open opens the layer's root and checks that it is what it should be.
func (l Layer) open() (*linux.FD, error) {
	if l.Path == "" {
		return nil, ErrNoLayer
	}
	root, err := linux.OpenPath(l.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w (%s is not there)", ErrNoLayer, l.Path)
	}
	if err != nil {
		return nil, err
	}
	if err := l.check(root); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

func (l Layer) check(root *linux.FD) error {
	if !l.Live {
		return nil
	}
	magic, err := linux.Magic(root)
	if err != nil {
		return err
	}
	st, err := linux.Fstat(root)
	if err != nil {
		return err
	}
	if magic != linux.MagicOverlay || l.Is != nil && !l.Is(Root{st.Dev, st.Ino}) {
		return fmt.Errorf("%w (%s is not the container's root here)", ErrNoLayer, l.Path)
	}
	return nil
}

// foreign says whether the container has a /.dlx already, in its writable layer or its image.
func (l Layer) foreign(root *linux.FD) (bool, error) {
	if there, err := exists(root); there || err != nil {
		return there, err
	}
	for _, dir := range l.Lower {
		lower, err := linux.OpenPath(dir)
		if err != nil {
			return false, err
		}
		there, err := exists(lower)
		if err = errors.Join(err, lower.Close()); there || err != nil {
			return there, err
		}
	}
	return false, nil
}

func exists(dir *linux.FD) (bool, error) {
	_, err := linux.StatAt(dir, dirName)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Place puts the toolbox into the layer, unless one is there already, whose record it returns then.
// The record is written first; the directory is filled under another name and then renamed, so that
// /.dlx is whole or not there.
func (j *Journal) Place(ctx context.Context, layer Layer, box *toolbox.Verified) (record *Record, already bool, err error) {
	root, err := layer.open()
	if err != nil {
		return nil, false, layer.unreachable(err)
	}
	defer root.Close()
	if record, err = j.Get(layer.ID); err != nil {
		return nil, false, err
	}
	if record != nil {
		if there, err := exists(root); record.Placed && there || err != nil {
			return record, there, err
		}
		if _, err := j.remove(ctx, root, record); err != nil { // an injection that was interrupted
			return nil, false, err
		}
	}
	if there, err := layer.foreign(root); there || err != nil {
		return nil, false, layer.unreachable(errors.Join(ErrForeign, err))
	}
	record = newRecord(layer, tempPrefix+strings.ToLower(rand.Text()[:10]), box)
	if err := j.put(record); err != nil {
		return nil, false, err
	}
	failpoint.At("inject.noted")
	if err := fill(ctx, root, record.Temp, box); err != nil {
		_, rerr := j.remove(context.WithoutCancel(ctx), root, record)
		return nil, false, fmt.Errorf("inject into %s: %w", layer.Name, errors.Join(err, rerr))
	}
	failpoint.At("inject.filled")
	record.Placed = true
	return record, false, j.put(record)
}

// fill makes the directory. Every path is relative to a held descriptor, and no link is followed.
// What the container does meanwhile can spoil the result, but only inside the container.
func fill(ctx context.Context, root *linux.FD, temp string, box *toolbox.Verified) error {
	if err := linux.MkdirAt(root, temp, 0o755); err != nil {
		return err
	}
	failpoint.At("inject.made")
	dir, err := linux.OpenDirAt(root, temp)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := box.Place(ctx, dir); err != nil {
		return err
	}
	failpoint.At("inject.placed")
	if err := linux.RenameNoReplace(root, temp, dirName); err != nil {
		if errors.Is(err, linux.ErrExist) {
			return ErrForeign
		}
		return err
	}
	return nil
}

// Eject takes a record's files out of the layer and clears the record. It returns what stays: files
// that dlx did not place, or not so. A toolbox that is not there is a fault.ToolboxGone or
// ToolboxMoved. If the container keeps changing it, so that it can not be taken out, it is a
// ToolboxStuck. In these cases the record is kept if anything is left of the toolbox.
func (j *Journal) Eject(ctx context.Context, layer Layer, record *Record) (left []string, err error) {
	root, err := layer.open()
	if err != nil {
		return nil, fmt.Errorf("eject from %s: %w", layer.Name, err)
	}
	defer root.Close()
	now := *record
	failpoint.At("eject.opened")
	now.Name = layer.Name // it may have been renamed
	err = j.missing(root, &now)
	if err == nil {
		failpoint.At("eject.noted")
		left, err = j.remove(ctx, root, &now)
	}
	if err != nil && fault.Of(err) == nil {
		err = fmt.Errorf("eject from %s: %w", layer.Name, err)
	}
	return left, err
}

// missing looks for a toolbox that was placed and that nobody has begun to take out.
func (j *Journal) missing(root *linux.FD, record *Record) error {
	if !record.Placed || record.Removing {
		return nil
	}
	there, err := exists(root)
	if err != nil {
		return err
	}
	if there {
		record.Removing = true
		return j.put(record)
	}
	moved, err := elsewhere(root, func(name string) bool {
		ours, err := looksOurs(root, name, record)
		return err == nil && ours
	})
	if err != nil {
		return err
	}
	if len(moved) > 0 {
		return toolboxMoved(record, moved)
	}
	gone := fault.New(fault.ToolboxGone, record.Name, "eject from %s: the toolbox is not at %s any more; nothing was taken out", record.Name, Dir)
	return errors.Join(gone, j.Forget(record.ID))
}

// toolboxMoved reports a toolbox that is elsewhere in the container's root directory.
func toolboxMoved(record *Record, to []string) error {
	e := fault.New(fault.ToolboxMoved, record.Name, "eject from %s: the toolbox was moved from %s to %s, and left there", record.Name, Dir, strings.Join(to, ", "))
	return e.With(to...)
}

// elsewhere lists the directories at the root that are like the toolbox.
func elsewhere(root *linux.FD, like func(name string) bool) (list []string, err error) {
	names, err := linux.ReadDir(root, leftLimit)
	for _, n := range names {
		if like(n) {
			list = append(list, "/"+n)
		}
	}
	return list, err
}

// remove takes out both directories that a record may be about, and clears the record if nothing of
// it is left.
func (j *Journal) remove(ctx context.Context, root *linux.FD, record *Record) (left []string, err error) {
	var stuck []string
	var why error // of the last one
	raced := false
	for _, name := range []string{record.Temp, dirName} {
		if name == dirName && !record.Placed {
			if ours, err := looksOurs(root, dirName, record); err != nil || !ours {
				continue
			}
		}
		r := &removal{root: root, name: name, files: record.Files, partial: name == record.Temp}
		if name == dirName && record.Placed {
			r.there = len(record.Files)
		}
		if err := r.run(ctx); err != nil {
			return nil, err
		}
		raced = raced || r.raced
		for p, err := range r.failed {
			stuck, why = append(stuck, filepath.Join("/", name, p)), err
		}
		for _, p := range r.left() {
			left = append(left, filepath.Join("/", name, p))
		}
	}
	if len(stuck) > 0 {
		slices.Sort(stuck)
		return left, fault.New(fault.ToolboxStuck, record.Name, "eject from %s: %s could not be taken out: %w", record.Name, strings.Join(stuck, ", "), why).With(stuck...)
	}
	if raced {
		moved, err := elsewhere(root, func(name string) bool { return name != dirName && name != record.Temp && holdsOurs(root, name, record) })
		if err != nil || len(moved) > 0 {
			return left, errors.Join(toolboxMoved(record, moved), err)
		}
	}
	failpoint.At("eject.removed")
	return left, j.Forget(record.ID)
}
