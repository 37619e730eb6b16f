package linux

import (
	"errors"

	"golang.org/x/sys/unix"
)

// LockRange takes an exclusive lock on a part of an open file, or says at once that somebody else
// has one (fcntl(2), F_OFD_SETLK). The file may be shorter. The kernel gives the lock up when the
// open file's last descriptor is closed, however the process ends.
func LockRange(fd *FD, start, size int64) (bool, error) {
	err := setRange(fd, unix.F_WRLCK, start, size)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, err
}

// RangeLocked says whether somebody else has a lock on a part of an open file, and takes none
// (F_OFD_GETLK).
func RangeLocked(fd *FD, start, size int64) (bool, error) {
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: start, Len: size}
	_, err := retry(func() (int, error) { return 0, unix.FcntlFlock(uintptr(fd.Int()), unix.F_OFD_GETLK, &lock) })
	return err == nil && lock.Type != unix.F_UNLCK, wrap("fcntl F_OFD_GETLK", err)
}

// UnlockRange gives the lock up.
func UnlockRange(fd *FD, start, size int64) error { return setRange(fd, unix.F_UNLCK, start, size) }

func setRange(fd *FD, kind int16, start, size int64) error {
	_, err := retry(func() (int, error) {
		return 0, unix.FcntlFlock(uintptr(fd.Int()), unix.F_OFD_SETLK, &unix.Flock_t{Type: kind, Start: start, Len: size})
	})
	return wrap("fcntl F_OFD_SETLK", err)
}
