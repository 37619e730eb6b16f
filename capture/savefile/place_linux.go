package savefile

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"dlx/internal/linux"
	"dlx/nsutil"
)

// place is the directory that the files are in. It is held from one file to the next: whoever
// renames it meanwhile, or puts another one or a link under its name, does not move the files that
// follow.
type place struct {
	name string
	dir  *linux.FD
}

// open opens a file, empty, as its owner does. It is given up some time after done is closed, if
// the file system has not answered by then; the thread that waits stays behind.
func (p *place) open(name string, owner *Owner, done <-chan struct{}) (*os.File, error) {
	type result struct {
		place place
		fd    *linux.FD
		err   error
	}
	opened := make(chan result, 1)
	held := *p
	go func() {
		r := result{place: held}
		r.err = nsutil.OnThread(func() (err error) {
			if owner != nil && os.Geteuid() == 0 {
				if err := linux.ActAs(owner.UID, owner.GID); err != nil {
					return fmt.Errorf("open %s as user %d: %w", name, owner.UID, err)
				}
			}
			r.fd, err = r.place.create(name, owner)
			return err
		})
		opened <- r
	}()
	take := func(r result) (*os.File, error) {
		*p = r.place
		if r.err != nil {
			return nil, r.err
		}
		return r.fd.File(name), nil
	}
	select {
	case r := <-opened:
		return take(r)
	case <-done:
	}
	late := time.NewTimer(answerLimit)
	defer late.Stop()
	select {
	case r := <-opened:
		return take(r)
	case <-late.C:
		*p = place{} // the thread's
		return nil, &os.PathError{Op: "open", Path: name, Err: ErrNoAnswer}
	}
}

// create opens the file in its directory, which is found anew if it is another one than before.
func (p *place) create(name string, owner *Owner) (*linux.FD, error) {
	dir, base := path.Split(name)
	if base == "" || base == "." || base == ".." {
		return nil, fmt.Errorf("%s %w", name, ErrNotRegular)
	}
	if p.dir == nil || p.name != dir {
		fd, err := walk(dir)
		if err != nil {
			return nil, err
		}
		_ = p.dir.Close() // was only looked at
		p.name, p.dir = dir, fd
	}
	fd, made, err := linux.OpenOutputAt(p.dir, base, 0o600)
	if err != nil {
		return nil, refusal(p.dir, base, name, err)
	}
	if !made {
		if err := p.empty(fd, owner); err != nil {
			return nil, errors.Join(fmt.Errorf("%s %w", name, err), fd.Close())
		}
	}
	return fd, nil
}

// walk opens a directory, component by component. A link on the way is refused, since nobody can
// tell whose it is: a container's root, that has one of its volumes there, is the host's root by
// number.
func walk(dir string) (*linux.FD, error) {
	sofar := "."
	if path.IsAbs(dir) {
		sofar = "/"
	}
	at, err := linux.OpenDirPathAt(nil, sofar)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	for part := range strings.SplitSeq(dir, "/") {
		if part == "" {
			continue
		}
		sofar = path.Join(sofar, part)
		next, err := linux.OpenDirPathAt(at, part)
		if err != nil {
			err = refusal(at, part, sofar, err)
		}
		_ = at.Close() // was only looked at
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// refusal is why a name below a directory could not be opened.
func refusal(dir *linux.FD, base, name string, err error) error {
	st, serr := linux.StatAt(dir, base)
	switch {
	case serr != nil:
	case st.Mode&linux.ModeType == linux.ModeSymlink:
		return fmt.Errorf("%s %w", name, ErrLink)
	case st.Mode&linux.ModeType != linux.ModeRegular && st.Mode&linux.ModeType != linux.ModeDir: // a FIFO without a reader
		return fmt.Errorf("%s %w", name, ErrNotRegular)
	}
	return &os.PathError{Op: "open", Path: name, Err: err}
}

// empty empties a file that was there, if it is a regular file with one name, and not somebody
// else's in a directory such as /tmp: fs.protected_regular and protected_hardlinks, whatever the
// machine has them set to (proc(5)).
func (p *place) empty(fd *linux.FD, owner *Owner) error {
	file, err := linux.Fstat(fd)
	if err != nil {
		return err
	}
	dir, err := linux.Fstat(p.dir)
	if err != nil {
		return err
	}
	user := os.Geteuid()
	if owner != nil {
		user = owner.UID
	}
	const sticky, writable = 0o1000, 0o022 // for others than the directory's owner
	switch {
	case file.Mode&linux.ModeType != linux.ModeRegular:
		return ErrNotRegular
	case file.Nlink != 1:
		return ErrHardLinks
	case dir.Mode&sticky != 0 && dir.Mode&writable != 0 && file.Uid != dir.Uid && int(file.Uid) != user:
		return ErrOthers
	}
	return linux.Truncate(fd, 0)
}

func (p *place) close() error { return p.dir.Close() }
