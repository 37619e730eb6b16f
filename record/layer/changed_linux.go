package layer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"dlx/internal/linux"
	"dlx/internal/printable"
	"dlx/record/audit"
)

// Bounds of a walk.
const (
	maxDepth  = 64
	maxInDir  = 20_000
	maxFiles  = 100_000
	maxListed = 32 << 10 // bytes of JSON
)

// tick is by how much a file's time may be behind the clock: the kernel takes that of its last
// timer interrupt (fs/inode.c, inode_set_ctime_current).
const tick = 20 * time.Millisecond

// Why not all is known.
var (
	errMany  = fmt.Errorf("there are more than %d files, and the others were not looked at", maxFiles)
	errDeep  = fmt.Errorf("there are directories more than %d deep, which were not looked into", maxDepth)
	errClock = errors.New("the clock was set meanwhile")
)

// Changed is what has changed in the upper directory of an overlay since a time. It is read as the
// overlay has it on its disk (the kernel's filesystems/overlayfs.rst): what was removed of a lower
// layer is a device 0:0 there. Nothing of it can lead elsewhere: no link is followed. since has a
// monotonic time.
func Changed(ctx context.Context, upper string, since time.Time) *audit.Changes {
	w := &walk{ctx: ctx, since: since.Add(-tick)}
	root, err := linux.OpenPath(upper)
	if err != nil {
		return &audit.Changes{Unknown: err.Error()}
	}
	defer root.Close()
	dir, err := linux.OpenDirAt(root, ".")
	if err != nil {
		return &audit.Changes{Unknown: err.Error()}
	}
	if st, err := linux.Fstat(dir); err == nil {
		w.look("/", &st)
	}
	w.note(w.dir(dir, "/", 0))
	now := time.Now()
	if step := now.Round(0).Sub(since.Round(0)) - now.Sub(since); step.Abs() > time.Second {
		w.note(errClock)
	}
	slices.SortFunc(w.found.List, func(a, b audit.Change) int { return a.Time.Compare(b.Time) })
	return &w.found
}

// walk is one through a layer.
type walk struct {
	ctx   context.Context
	since time.Time
	found audit.Changes
	files int
	bytes int
}

// note says why not all is known; the first reason does.
func (w *walk) note(err error) {
	if err != nil && w.found.Unknown == "" {
		w.found.Unknown = err.Error()
	}
}

// dir looks at a directory, and closes it. An error ends the walk.
func (w *walk) dir(dir *linux.FD, name string, depth int) error {
	defer dir.Close()
	names, err := linux.ReadDir(dir, maxInDir)
	if err != nil {
		w.note(err)
		return nil
	}
	for _, base := range names {
		if w.files++; w.files > maxFiles {
			return errMany
		}
		if err := w.ctx.Err(); err != nil {
			return fmt.Errorf("it took too long to look: %w", err)
		}
		st, err := linux.StatAt(dir, base)
		if err != nil {
			continue // it has gone meanwhile
		}
		isDir := st.Mode&linux.ModeType == linux.ModeDir
		if !isDir && !w.changed(&st) {
			continue
		}
		file := path.Join(name, base)
		w.look(file, &st)
		if !isDir {
			continue
		}
		if depth == maxDepth {
			w.note(errDeep)
			continue
		}
		below, err := linux.OpenDirAt(dir, base)
		if err != nil {
			continue
		}
		if err := w.dir(below, file, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// changed says whether a file has.
func (w *walk) changed(st *linux.Stat) bool { return st.Ctim.Nano() >= w.since.UnixNano() }

// look lists a file if it has changed.
func (w *walk) look(name string, st *linux.Stat) {
	if !w.changed(st) {
		return
	}
	c := audit.Change{Path: name, Kind: kind(st), Time: time.Unix(st.Ctim.Unix()), UID: st.Uid}
	if c.Kind != removed {
		c.Mode = fmt.Sprintf("%04o", st.Mode&0o7777)
	}
	if c.Kind == "file" {
		c.Size = st.Size
	}
	text, err := json.Marshal(c)
	if size := len(printable.JSON(text)) + 1; err != nil || w.bytes+size > maxListed {
		w.found.More++
	} else {
		w.bytes += size
		w.found.List = append(w.found.List, c)
	}
}

// removed is the kind of what is not there any more.
const removed = "removed"

func kind(st *linux.Stat) string {
	switch st.Mode & linux.ModeType {
	case linux.ModeRegular:
		return "file"
	case linux.ModeDir:
		return "directory"
	case linux.ModeSymlink:
		return "link"
	case linux.ModeSocket:
		return "socket"
	case linux.ModeFIFO:
		return "pipe"
	}
	if st.Rdev == 0 {
		return removed
	}
	return "device"
}
