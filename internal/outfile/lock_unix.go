//go:build unix

package outfile

import (
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
