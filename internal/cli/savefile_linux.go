package cli

import (
	"errors"
	"io"
	"os"

	"dlx/internal/linux"
)

// savefile is how a file is written that packets are kept in.
func savefile(f *os.File) (io.WriteCloser, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if info.Mode().IsRegular() {
		return linux.File{File: f}, nil
	}
	return f, nil
}
