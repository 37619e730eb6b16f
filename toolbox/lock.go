package toolbox

import (
	"os"
	"path/filepath"

	"dlx/internal/outfile"
)

// locked runs f while no other dlx does so for the same file. Its folder is nobody else's.
func locked(file string, f func() error) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := CheckOwners(filepath.Dir(file)); err != nil { // also of one that was not there just now
		return err
	}
	return outfile.Locked(file, f)
}
