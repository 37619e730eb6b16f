package outfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Append makes a file, or opens one that is there for reading, and for writing behind its end. It
// refuses what Replace refuses, and a file with other names: ErrHardLinks. made says that the file
// was not there.
func (d *Dir) Append(base string, perm fs.FileMode) (f *os.File, made bool, err error) {
	if err := d.check(base); err != nil {
		return nil, false, err
	}
	const behind = os.O_RDWR | os.O_APPEND
	f, err = d.root.OpenFile(base, behind|os.O_CREATE|os.O_EXCL, perm)
	if err == nil || !errors.Is(err, fs.ErrExist) {
		return f, err == nil, d.explained(base, err)
	}
	if f, err = d.root.OpenFile(base, behind|syscall.O_NONBLOCK, 0); err != nil {
		return nil, false, d.explained(base, err)
	}
	if err := d.held.same(base, f); err != nil { // it may have come since the check
		return nil, false, errors.Join(&fs.PathError{Op: "open", Path: d.path(base), Err: err}, f.Close())
	}
	return f, false, nil
}

func (d *Dir) explained(base string, err error) error {
	if err == nil {
		return nil
	}
	return d.explain(base, err)
}
