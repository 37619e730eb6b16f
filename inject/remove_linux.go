package inject

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"time"

	"dlx/internal/failpoint"
	"dlx/internal/linux"
)

// removeLimit is how long a container may keep its toolbox from being taken out by changing it
// meanwhile.
const removeLimit = 10 * time.Second

// removal takes one directory of placed files out of a container that may do anything with it
// meanwhile.
type removal struct {
	root    *linux.FD
	name    string // of the directory, below root
	files   []Placed
	there   int  // how many of them are to be there
	partial bool // also files that a kill cut short or whose bytes were refused: the name is one that only dlx gives

	removed int              // by the last pass
	total   int              // by all passes
	other   bool             // seen by the last pass: something else at a place of ours
	failed  map[string]error // by the last pass: what may be ours and is still there
	raced   bool             // in any pass: something was changed meanwhile
}

// quietPasses is how many passes in a row have to find nothing of ours, if something else is in its
// place, or not all that was placed was there to be removed. The container may be swapping the two,
// or have moved it away for a moment.
const quietPasses = 5

// run makes passes until they find nothing that was placed any more. When its time is over, what is
// left of that is in failed.
func (r *removal) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, removeLimit, errSlow)
	defer cancel()
	quiet := 0
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		r.removed, r.other, r.failed = 0, false, map[string]error{}
		r.pass()
		quiet++
		if len(r.failed) > 0 || r.removed > 0 {
			quiet = 0
		}
		r.total += r.removed
		if quiet > 0 && !r.other && r.total >= r.there || quiet >= quietPasses {
			r.raced = r.raced || r.total < r.there // they may be elsewhere
			return nil
		}
		r.raced = r.raced || len(r.failed) > 0
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, errSlow) {
				return cause
			}
			return nil
		}
	}
}

var errSlow = errors.New("no more time")

// pass removes the files that are as they were placed, then the directories that are empty.
func (r *removal) pass() {
	top, err := linux.OpenDirAt(r.root, r.name)
	if err != nil {
		r.note(".", notThere(err))
		return
	}
	defer top.Close()
	dirs := map[string]bool{}
	for _, f := range r.files {
		for d := path.Dir(f.Path); d != "."; d = path.Dir(d) {
			dirs[d] = true
		}
		r.note(f.Path, notThere(r.file(top, f)))
	}
	list := make([]string, 0, len(dirs))
	for d := range dirs {
		list = append(list, d)
	}
	slices.Sort(list)
	for _, d := range slices.Backward(list) { // the deepest first
		r.note(d, notThere(rmdir(top, d)))
		failpoint.At("eject.directory")
	}
	err = linux.RmdirAt(r.root, r.name)
	if !errors.Is(err, linux.ErrNotEmpty) {
		r.note(".", notThere(err))
	}
}

func (r *removal) note(path string, err error) {
	if err != nil {
		r.failed[path] = err
	}
}

// errChanged reports a name that leads to another file than a moment ago.
var errChanged = errors.New("it was changed meanwhile")

// file removes one file if it is what was placed: it compares the file that the name leads to just
// before. unlinkat(2) takes no descriptor. In between, a process that may write to this directory,
// which is root's, can put a file of its own there; it loses that.
func (r *removal) file(top *linux.FD, f Placed) error {
	dir, err := linux.OpenBeneath(top, path.Dir(f.Path), linux.OPath|linux.ODirectory)
	if err != nil {
		return err
	}
	defer dir.Close()
	name := path.Base(f.Path)
	handle, err := linux.OpenBeneath(dir, name, linux.OPath|linux.ONoFollow)
	if err != nil {
		return err
	}
	defer handle.Close()
	if same, err := isPlaced(handle, f, r.partial); err != nil || !same {
		r.other = true
		return err
	}
	was, err := linux.Fstat(handle)
	if err != nil {
		return err
	}
	is, err := linux.StatAt(dir, name)
	if err != nil {
		return err
	}
	if is.Dev != was.Dev || is.Ino != was.Ino {
		return errChanged
	}
	if err := linux.UnlinkAt(dir, name); err != nil {
		return err
	}
	r.removed++
	failpoint.At("eject.file")
	return nil
}

// rmdir removes a directory below top if it is empty.
func rmdir(top *linux.FD, name string) error {
	parent, err := linux.OpenBeneath(top, path.Dir(name), linux.OPath|linux.ODirectory)
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := linux.RmdirAt(parent, path.Base(name)); !errors.Is(err, linux.ErrNotEmpty) {
		return err
	}
	return nil
}

// notThere forgives that a file, or a directory on the way to it, is gone or is something else.
func notThere(err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, linux.ErrLoop) || errors.Is(err, linux.ErrNotDir) {
		return nil
	}
	return err
}

// isPlaced compares the file of an O_PATH handle with its record. Nothing but a regular file is
// opened: a device can act when it is.
func isPlaced(handle *linux.FD, f Placed, partial bool) (bool, error) {
	st, err := linux.Fstat(handle)
	if err != nil {
		return false, err
	}
	switch {
	case f.Link != "":
		if st.Mode&linux.ModeType != linux.ModeSymlink {
			return false, nil
		}
		link, err := linux.ReadlinkAt(handle, "")
		return link == f.Link, err
	case st.Mode&linux.ModeType != linux.ModeRegular:
		return false, nil
	case st.Size != f.Size:
		return partial && st.Size < f.Size, nil
	case partial:
		return true, nil // whole, and refused if its bytes are others
	}
	sum, err := digest(handle, f.Size)
	return sum == f.SHA256, err
}

// digest hashes at most limit bytes of a regular file.
func digest(handle *linux.FD, limit int64) (string, error) {
	fd, err := linux.Reopen(handle, linux.ORead|linux.ONonblock|linux.ONoctty)
	if err != nil {
		return "", err
	}
	f := fd.File("file")
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, limit)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Bounds of the list of what stays; a container can put any number of files there.
const (
	leftLimit = 1000
	leftDepth = 8
)

// left lists what is in the removal's directory.
func (r *removal) left() []string {
	top, err := linux.OpenDirAt(r.root, r.name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return []string{"."} // not a directory: not what was placed
	}
	defer top.Close()
	return listTree(nil, top, ".", leftDepth)
}

// listTree adds the files below a directory to a list. A folder that is empty or beyond the bounds
// is added itself. What goes meanwhile is left out.
func listTree(list []string, dir *linux.FD, prefix string, depth int) []string {
	names, err := linux.ReadDir(dir, leftLimit)
	if err != nil || len(names) == 0 || depth == 0 || len(list) >= leftLimit {
		return append(list, prefix)
	}
	slices.Sort(names)
	for _, name := range names {
		p := path.Join(prefix, name)
		below, err := linux.OpenDirAt(dir, name)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			list = append(list, p)
		default:
			list = listTree(list, below, p, depth-1)
			below.Close()
		}
	}
	return list
}

// looksOurs says whether a directory is the toolbox of a record: all of its files are as they were
// to be placed. A kill can come between its rename to /.dlx and the record's update.
func looksOurs(root *linux.FD, name string, record *Record) (bool, error) {
	return compare(root, name, record, func(same bool) bool { return same })
}

// holdsOurs says whether a directory has any file that is what a record tells of.
func holdsOurs(root *linux.FD, name string, record *Record) bool {
	some, _ := compare(root, name, record, func(same bool) bool { return !same })
	return some
}

// compare compares the files below a directory with a record for as long as more says so, and
// returns whether the last one was the same.
func compare(root *linux.FD, name string, record *Record, more func(same bool) bool) (same bool, err error) {
	top, err := linux.OpenDirAt(root, name)
	if err != nil {
		return false, notThere(err)
	}
	defer top.Close()
	for _, f := range record.Files {
		same = false
		handle, err := linux.OpenBeneath(top, f.Path, linux.OPath|linux.ONoFollow)
		if err == nil {
			same, err = isPlaced(handle, f, false)
			err = errors.Join(err, handle.Close())
		}
		if err = notThere(err); err != nil || !more(same) {
			return same, err
		}
	}
	return same, nil
}
