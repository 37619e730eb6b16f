package savefile

import (
	"io"
	"os"

	"dlx/internal/linux"
)

// rawWriter is how a regular file is written.
func rawWriter(f *os.File) io.Writer { return linux.File{File: f} }

// reserve allocates room beyond the end of a file, where that makes writing faster.
func reserve(f *os.File, offset, size int64) bool { return linux.File{File: f}.Reserve(offset, size) }
