package toolbox

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dlx/internal/outfile"
)

// A replacer puts a file in place as a whole.
type replacer func(name string, perm fs.FileMode, write func(io.Writer) error) error

// replaceOwn is the replacer of dlx's own folders, the caller having checked their owners: links
// that root has made lead there as well.
func replaceOwn(name string, perm fs.FileMode, write func(io.Writer) error) error {
	d, err := outfile.Own(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Replace(filepath.Base(name), perm, write), d.Close())
}

// tempName begins the names of what becomes a file when it is whole.
func tempName(name string) string { return outfile.TempName(filepath.Base(name)) }

// removeTemp removes what killed writers left in a folder. left chooses the files of writers whose
// lock the caller holds. Nobody else's are touched.
func removeTemp(dir string, left func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), outfile.TempPrefix) && left(e.Name()) {
			errs = append(errs, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}
