//go:build unix

package toolbox

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// locked runs f while no other dlx does so for the same file (flock(2)).
func locked(file string, f func() error) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_RDWR, 0o600)
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
