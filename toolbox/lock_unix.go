//go:build unix

package toolbox

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"dlx/internal/outfile"
)

// locked runs f while no other dlx does so for the same file (flock(2)).
// Its folder is nobody else's.
func locked(file string, f func() error) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := CheckOwners(filepath.Dir(file)); err != nil { // also of one that was not there just now
		return err
	}
	lock, err := outfile.OpenLock(file + ".lock")
	if err != nil {
		return err
	}
	for {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		err = f()
	}
	return errors.Join(err, lock.Close())
}
