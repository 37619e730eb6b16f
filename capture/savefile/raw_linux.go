package savefile

import (
	"io"
	"os"

	"dlx/internal/linux"
)

// rawWriter is how a regular file is written.
func rawWriter(f *os.File) io.Writer { return linux.File{File: f} }
