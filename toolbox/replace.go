package toolbox

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// replaceFile puts a file in place as a whole: written beside it under another name, flushed to the disk, and renamed. What
// fails on the way leaves the file that was there.
func replaceFile(name string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), tempName(name)+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(write(f), f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return nil // the file is in place; only the disk may not know yet
	}
	_ = dir.Sync() // as above
	return dir.Close()
}

// tempPrefix begins the names of files and folders that are not whole.
const tempPrefix = ".new-"

// tempName begins the names of what becomes a file or folder when it is whole.
func tempName(name string) string { return tempPrefix + filepath.Base(name) + "-" }

// removeTemp removes what writers left in a folder that were killed. The caller holds the lock that those hold whose files are
// left: nobody else's are touched.
func removeTemp(dir string, left func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) && left(e.Name()) {
			errs = append(errs, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}
