package outfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Replace is Dir.Replace in the directory that a name says.
func Replace(name string, perm fs.FileMode, write func(io.Writer) error) error {
	return In(name, func(d *Dir, base string) error { return d.Replace(base, perm, write) })
}

// Folder is Dir.Folder in the directory that a name says.
func Folder(name string, fill func(*os.Root) error) error {
	return In(strings.TrimRight(name, string(filepath.Separator)), func(d *Dir, base string) error { return d.Folder(base, fill) })
}

// In holds the directory that a name says, and has f do something there with the name's last part.
func In(name string, f func(d *Dir, base string) error) error {
	dir, base := filepath.Split(name)
	if dir == "" {
		dir = "."
	}
	d, err := Hold(dir)
	if err != nil {
		return err
	}
	return errors.Join(f(d, base), d.Close())
}
