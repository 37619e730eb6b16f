package build

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// tree is a file system to take programs and libraries from: this machine's, or one that packages
// or layers were unpacked to. Links, also absolute ones, are followed inside of it.
type tree struct{ root *os.Root }

func openTree(dir string) (*tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &tree{root}, nil
}

func (t *tree) close() error { return t.root.Close() }

const maxLinks = 40

// resolve follows the links of a path, which begins with a slash, and returns where it ends.
func (t *tree) resolve(name string) (string, error) {
	rest := strings.Split(strings.Trim(path.Clean(name), "/"), "/")
	at := "/"
	for links := 0; len(rest) > 0; {
		next := path.Join(at, rest[0])
		rest = rest[1:]
		to, err := t.root.Readlink(rel(next))
		if err != nil { // no link, or not there, which whoever opens it will see
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: too many links", name)
		}
		if !path.IsAbs(to) {
			to = path.Join(at, to)
		}
		rest = append(strings.Split(strings.Trim(path.Clean(to), "/"), "/"), rest...)
		at = "/"
	}
	return at, nil
}

// rel is a path as the root takes it.
func rel(p string) string {
	if p = strings.TrimPrefix(p, "/"); p == "" {
		return "."
	}
	return p
}

// exists says whether a path leads to a regular file.
func (t *tree) exists(name string) bool {
	at, err := t.resolve(name)
	if err != nil {
		return false
	}
	info, err := t.root.Stat(rel(at))
	return err == nil && info.Mode().IsRegular()
}

// maxFile is the most bytes of a file.
const maxFile = 512 << 20

// read reads the file that a path leads to.
func (t *tree) read(name string) (data []byte, mode fs.FileMode, err error) {
	at, err := t.resolve(name)
	if err != nil {
		return nil, 0, err
	}
	f, err := t.root.OpenFile(rel(at), os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO does not make it wait
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, 0, err
	case !info.Mode().IsRegular():
		return nil, 0, fmt.Errorf("%s is no regular file", name)
	case info.Size() > maxFile:
		return nil, 0, fmt.Errorf("%s has %d bytes", name, info.Size())
	}
	data, err = io.ReadAll(io.LimitReader(f, maxFile))
	return data, info.Mode(), err
}

// list returns the names in a folder, none if it is not there.
func (t *tree) list(dir string) ([]string, error) {
	at, err := t.resolve(dir)
	if err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(t.root.FS(), rel(at))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}
