//go:build unix

package outfile

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// OpenLock opens a file for flock(2) and makes it if need be. A link or what is not regular is
// refused, and nothing is waited for.
func OpenLock(name string) (*os.File, error) {
	const flags = os.O_RDWR | os.O_CREATE | syscall.O_NOFOLLOW | syscall.O_NONBLOCK | syscall.O_NOCTTY
	f, err := os.OpenFile(name, flags, 0o600)
	if err != nil {
		if info, lerr := os.Lstat(name); lerr == nil && info.Mode()&os.ModeSymlink != 0 {
			return nil, fmt.Errorf("%s %w", name, ErrLink)
		}
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s %w", name, ErrNotRegular)
	}
	if err != nil {
		_ = f.Close() // was only looked at
		return nil, err
	}
	return f, nil
}

// Locked runs f while no other dlx does so for the same file, whose folder is nobody else's
// (flock(2)). The lock is a file beside it, and ends with the process.
func Locked(name string, f func() error) error {
	lock, err := OpenLock(name + ".lock")
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
