package savefile

import (
	"errors"
	"fmt"
	"os"
	"path"

	"dlx/internal/linux"
	"dlx/internal/outfile"
)

// place is the directory of the files. It is held from one file to the next. Somebody may rename
// it, or put another one or a link under its name: the next files stay where they belong.
type place struct {
	name string
	dir  *linux.FD
}

// open opens a file, empty, as its owner does. It is given up some time after done is closed, if
// the file system has not answered by then.
func (p *place) open(name string, owner *Owner, done <-chan struct{}) (*os.File, error) {
	at := *p
	var fd *linux.FD
	err := outfile.As(owner, done, func() (err error) {
		fd, err = at.create(name)
		return err
	})
	if errors.Is(err, ErrNoAnswer) {
		*p = place{} // the thread's, and so is the file
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	*p = at
	if err != nil {
		return nil, err
	}
	return fd.File(name), nil
}

// create opens the file in its directory, which is found anew if it is another one than before.
func (p *place) create(name string) (*linux.FD, error) {
	dir, base := path.Split(name)
	if base == "" || base == "." || base == ".." {
		return nil, fmt.Errorf("%s %w", name, ErrNotRegular)
	}
	if p.dir == nil || p.name != dir {
		fd, err := outfile.Walk(dir)
		if err != nil {
			return nil, err
		}
		_ = p.dir.Close() // was only looked at
		p.name, p.dir = dir, fd
	}
	fd, made, err := linux.OpenOutputAt(p.dir, base, 0o600)
	if err != nil {
		return nil, outfile.Refusal(p.dir, base, name, err)
	}
	if !made {
		if err := p.empty(fd); err != nil {
			return nil, errors.Join(fmt.Errorf("%s %w", name, err), fd.Close())
		}
	}
	return fd, nil
}

// empty empties a file that was there, if it may be written to and has one name
// (fs.protected_hardlinks, proc(5)).
func (p *place) empty(fd *linux.FD) error {
	file, err := linux.Fstat(fd)
	if err != nil {
		return err
	}
	if err := outfile.Check(p.dir, file); err != nil {
		return err
	}
	if file.Nlink != 1 {
		return ErrHardLinks
	}
	return linux.Truncate(fd, 0)
}

func (p *place) close() error { return p.dir.Close() }
