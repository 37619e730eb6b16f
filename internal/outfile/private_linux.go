package outfile

import (
	"errors"
	"os"
	"path"

	"dlx/internal/linux"
)

// ErrExposed reports a directory that is to be its user's alone.
var ErrExposed = errors.New("its directory is another user's, or others may look into it")

// Private opens a directory that nobody else may look into, and makes it if need be, but not the
// one above it. No link is followed.
func Private(dir string) (*linux.FD, error) {
	above, err := Walk(path.Dir(dir))
	if err != nil {
		return nil, err
	}
	defer above.Close()
	if err := linux.MkdirAt(above, path.Base(dir), 0o700); err != nil && !errors.Is(err, linux.ErrExist) {
		return nil, err
	}
	fd, err := linux.OpenDirAt(above, path.Base(dir))
	if err != nil {
		return nil, Refusal(above, path.Base(dir), dir, err)
	}
	st, err := linux.Fstat(fd)
	if err == nil && (int(st.Uid) != os.Geteuid() || st.Mode&0o077 != 0) {
		err = ErrExposed
	}
	if err != nil {
		return nil, errors.Join(err, fd.Close())
	}
	return fd, nil
}
