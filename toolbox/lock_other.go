//go:build !unix

package toolbox

import (
	"os"
	"path/filepath"
)

// locked runs f. There is no lock on this system, where toolboxes are only made.
func locked(file string, f func() error) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return f()
}
