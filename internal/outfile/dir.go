package outfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir is a directory that is held. Somebody may rename it, or put another one or a link under its
// name: what is made in it stays there. Its owner closes it.
type Dir struct {
	name string
	root *os.Root
	held held
}

// Close gives the directory up.
func (d *Dir) Close() error { return errors.Join(d.root.Close(), d.held.close()) }

// TempPrefix begins the names of files and folders that are not whole.
const TempPrefix = ".new-"

// TempName begins the names of what becomes a file or folder when it is whole.
func TempName(base string) string { return TempPrefix + base + "-" }

// Replace puts a file in place as a whole: written under another name, flushed to the disk, and
// renamed. What fails on the way leaves the file that was there. Its mode is perm without the
// umask.
func (d *Dir) Replace(base string, perm fs.FileMode, write func(io.Writer) error) error {
	if err := d.check(base); err != nil {
		return err
	}
	return d.file(base, perm, write, d.root.Rename)
}

// New makes a file that is not there yet, whole; one that is there is fs.ErrExist.
func (d *Dir) New(base string, perm fs.FileMode, data []byte) error {
	write := func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
	return d.file(base, perm, write, func(temp, base string) error {
		err := d.root.Link(temp, base)
		if err == nil {
			return d.root.Remove(temp)
		}
		if lerr := d.absent(base); lerr != nil {
			return lerr
		}
		return d.root.Rename(temp, base) // a file system without hard links
	})
}

// Folder puts a folder that is not there yet in place as a whole, once fill has filled it.
func (d *Dir) Folder(base string, fill func(*os.Root) error) (err error) {
	if err := d.absent(base); err != nil {
		return err
	}
	temp := tempName(base)
	if err := d.root.Mkdir(temp, 0o755); err != nil {
		return d.explain(base, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(d.explain(base, err), d.root.RemoveAll(temp))
		}
	}()
	folder, err := d.root.OpenRoot(temp)
	if err != nil {
		return err
	}
	if err := errors.Join(fill(folder), folder.Close()); err != nil {
		return err
	}
	if err := d.root.Rename(temp, base); err != nil {
		return err
	}
	d.sync()
	return nil
}

// Remove removes a file.
func (d *Dir) Remove(base string) error { return d.root.Remove(base) }

// file writes a file under another name, and has place give it its own.
func (d *Dir) file(base string, perm fs.FileMode, write func(io.Writer) error, place func(temp, base string) error) (err error) {
	if !filepath.IsLocal(base) || filepath.Base(base) != base || base == "." {
		return fmt.Errorf("%s %w", d.path(base), ErrNotRegular)
	}
	temp := tempName(base)
	f, err := d.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return d.explain(base, err)
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = place(temp, base)
	}
	if err != nil {
		return errors.Join(d.explain(base, err), d.root.Remove(temp))
	}
	d.sync()
	return nil
}

func tempName(base string) string { return TempName(base) + rand.Text()[:12] }

// sync has the names on the disk, too. If that fails the file is in place nevertheless, and only
// the disk may not know yet.
func (d *Dir) sync() {
	if f, err := d.root.Open("."); err == nil {
		_ = errors.Join(f.Sync(), f.Close()) // as above
	}
}

func (d *Dir) path(base string) string { return filepath.Join(d.name, base) }

func (d *Dir) check(base string) error {
	if err := d.held.check(base); err != nil {
		return fmt.Errorf("%s %w", d.path(base), err)
	}
	return nil
}

// absent is an error unless nothing has a name.
func (d *Dir) absent(base string) error {
	_, err := d.root.Lstat(base)
	switch {
	case err == nil:
		return &fs.PathError{Op: "write", Path: d.path(base), Err: fs.ErrExist}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return d.explain(base, err)
}

// explain names the file that was to be made in place of the one under way.
func (d *Dir) explain(base string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		err = e.Err
	} else {
		return err
	}
	return &fs.PathError{Op: "write", Path: d.path(base), Err: err}
}
