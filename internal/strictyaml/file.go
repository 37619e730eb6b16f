package strictyaml

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"dlx/toolbox"
)

// errNotRegular reports a link, a folder, a device or another special file.
var errNotRegular = errors.New("not a regular file")

// errChanging reports that somebody is writing.
var errChanging = errors.New("it changed while it was read")

// Same says whether nobody has written a file or put another one in its place.
func Same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && a.Mode() == b.Mode()
}

// ReadFile reads a file that may say what holds on this machine: it is no link, nobody but root or
// who runs dlx can have written it (toolbox.CheckOwners), and nobody writes it meanwhile. What it
// was like is told with an error too, if it was there.
func ReadFile(name string) (data []byte, info fs.FileInfo, err error) {
	if info, err = os.Lstat(name); err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, info, fmt.Errorf("%s: %w", name, errNotRegular)
	}
	if err := toolbox.CheckOwners(name); err != nil {
		return nil, info, err
	}
	between("looked")
	f, err := os.Open(name)
	if err != nil {
		return nil, info, err
	}
	defer func() { _ = f.Close() }() // was only read
	between("opened")
	if data, err = io.ReadAll(io.LimitReader(f, MaxSize+1)); err != nil {
		return nil, info, err
	}
	// What was looked at is what was read: os.Open follows a link that has come since.
	return data, info, unchanged(f, info, name)
}

// between is called between two steps of reading, where a test changes the file.
var between = func(step string) {}

func unchanged(f *os.File, info fs.FileInfo, name string) error {
	now, err := f.Stat()
	if err == nil && !Same(info, now) {
		err = fmt.Errorf("%s: %w", name, errChanging)
	}
	return err
}
