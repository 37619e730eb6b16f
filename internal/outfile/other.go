//go:build !linux

package outfile

import "os"

// As runs f. There is no sudo here that dlx is called through.
func As(_ *Owner, _ <-chan struct{}, f func() error) error { return f() }

type held struct{ root *os.Root }

// Hold opens a directory in which files are made.
func Hold(name string) (*Dir, error) { return Own(name) }

// Own is Hold.
func Own(name string) (*Dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &Dir{name: name, root: root, held: held{root}}, nil
}

func (held) close() error { return nil }

// check is why what has a name is not replaced, nil if it may be or nothing has it.
func (h held) check(base string) error {
	info, err := h.root.Lstat(base)
	switch {
	case os.IsNotExist(err):
		return nil
	case err != nil:
		return err
	case info.Mode()&os.ModeSymlink != 0:
		return ErrLink
	case !info.Mode().IsRegular():
		return ErrNotRegular
	}
	return nil
}

// same is why an open file is not the one that has a name; else nil.
func (h held) same(base string, f *os.File) error {
	named, err := h.root.Lstat(base)
	if err != nil {
		return err
	}
	if info, err := f.Stat(); err != nil || !os.SameFile(named, info) {
		return ErrNotRegular
	}
	return h.check(base)
}
