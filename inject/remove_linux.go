package inject

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path"
	"slices"

	"dlx/internal/linux"
)

// removeTree removes the placed files from the directory name below root, then the directories that are empty. It
// returns the paths that stay. Nothing is removed that is not exactly what was placed; partial allows for files that a
// kill cut short or whose bytes were refused, under the name that only dlx gives.
func removeTree(root *linux.FD, name string, files []Placed, partial bool) (left []string, err error) {
	top, err := linux.OpenDirAt(root, name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if errors.Is(err, linux.ErrLoop) || errors.Is(err, linux.ErrNotDir) {
		return []string{"."}, nil // not a directory: not what was placed
	}
	if err != nil {
		return nil, err
	}
	defer top.Close()
	dirs := map[string]bool{}
	for _, f := range files {
		for d := path.Dir(f.Path); d != "."; d = path.Dir(d) {
			dirs[d] = true
		}
		if err := removeFile(top, f, partial); err != nil {
			return nil, err
		}
	}
	if err := removeDirs(top, dirs); err != nil {
		return nil, err
	}
	switch err := linux.RmdirAt(root, name); {
	case errors.Is(err, linux.ErrNotEmpty):
		return listTree(nil, top, "", leftDepth)
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	default:
		return nil, err
	}
}

// leftLimit bounds the list of what stays; a container can put any number of files there.
const leftLimit = 1000

// removeFile removes one file if it is what was placed.
func removeFile(top *linux.FD, f Placed, partial bool) error {
	dir, err := linux.OpenBeneath(top, path.Dir(f.Path), linux.OPath|linux.ODirectory)
	if err != nil {
		return notThere(err)
	}
	defer dir.Close()
	same, err := isPlaced(dir, path.Base(f.Path), f, partial)
	if err != nil || !same {
		return notThere(err)
	}
	return notThere(linux.UnlinkAt(dir, path.Base(f.Path)))
}

// notThere forgives that a file, or a directory on the way to it, is gone or is something else.
func notThere(err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, linux.ErrLoop) || errors.Is(err, linux.ErrNotDir) {
		return nil
	}
	return err
}

// isPlaced compares a file with its record.
func isPlaced(dir *linux.FD, name string, f Placed, partial bool) (bool, error) {
	st, err := linux.StatAt(dir, name)
	if err != nil {
		return false, err
	}
	switch {
	case f.Link != "":
		if st.Mode&linux.ModeType != linux.ModeSymlink {
			return false, nil
		}
		link, err := linux.ReadlinkAt(dir, name)
		return link == f.Link, err
	case st.Mode&linux.ModeType != linux.ModeRegular:
		return false, nil
	case st.Size != f.Size:
		return partial && st.Size < f.Size, nil
	case partial:
		return true, nil // whole, and refused if its bytes are others
	}
	sum, err := digest(dir, name, f.Size)
	return sum == f.SHA256, err
}

// digest hashes at most limit bytes of a regular file.
func digest(dir *linux.FD, name string, limit int64) (string, error) {
	fd, err := linux.OpenBeneath(dir, name, linux.ORead|linux.ONoFollow|linux.ONonblock)
	if err != nil {
		return "", err
	}
	f := fd.File(name)
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, limit)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// removeDirs removes the directories that are empty, deepest first.
func removeDirs(top *linux.FD, dirs map[string]bool) error {
	var list []string
	for d := range dirs {
		list = append(list, d)
	}
	slices.Sort(list)
	slices.Reverse(list)
	for _, d := range list {
		parent, err := linux.OpenBeneath(top, path.Dir(d), linux.OPath|linux.ODirectory)
		if err != nil {
			if notThere(err) == nil {
				continue
			}
			return err
		}
		err = linux.RmdirAt(parent, path.Base(d))
		if err = errors.Join(err, parent.Close()); err != nil && !errors.Is(err, linux.ErrNotEmpty) && notThere(err) != nil {
			return err
		}
	}
	return nil
}

// leftDepth is how deep what stays is looked at.
const leftDepth = 8

// listTree adds what is below a directory to a list: files, and for folders that are empty or beyond the bounds
// themselves.
func listTree(list []string, dir *linux.FD, prefix string, depth int) ([]string, error) {
	names, err := linux.ReadDir(dir, leftLimit)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 && prefix != "" {
		return append(list, prefix), nil
	}
	slices.Sort(names)
	for _, name := range names {
		p := path.Join(prefix, name)
		below, err := linux.OpenDirAt(dir, name)
		if err != nil || depth == 1 || len(list) >= leftLimit {
			list = append(list, p)
		} else if list, err = listTree(list, below, p, depth-1); err != nil {
			return nil, errors.Join(err, below.Close())
		}
		if err := below.Close(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// looksOurs says whether a directory is the toolbox that a record tells of, such as a /.dlx that was renamed just before a
// kill kept its record from being updated: all of its files are what was to be placed.
func looksOurs(root *linux.FD, name string, record *Record) (bool, error) {
	top, err := linux.OpenDirAt(root, name)
	if err != nil {
		return false, notThere(err)
	}
	defer top.Close()
	for _, f := range record.Files {
		dir, err := linux.OpenBeneath(top, path.Dir(f.Path), linux.OPath|linux.ODirectory)
		if err != nil {
			return false, notThere(err)
		}
		same, err := isPlaced(dir, path.Base(f.Path), f, false)
		if err = errors.Join(err, dir.Close()); err != nil || !same {
			return false, notThere(err)
		}
	}
	return true, nil
}
