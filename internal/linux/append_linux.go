package linux

import (
	"os"

	"golang.org/x/sys/unix"
)

// ErrNoSpace is a full disk, ErrQuota a quota that is used up, ErrNoReserve a file system that can
// not set room aside (fallocate(2), EOPNOTSUPP).
var (
	ErrNoSpace   error = unix.ENOSPC
	ErrQuota     error = unix.EDQUOT
	ErrNoReserve error = unix.EOPNOTSUPP
)

// OpenAppendAt opens a regular file below dir for writing at its end. It follows no link, waits for
// nothing, and makes no file.
func OpenAppendAt(dir *FD, name string) (*FD, error) {
	return openat(dir, name, unix.O_WRONLY|unix.O_APPEND|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY)
}

// OpenUpdateAt opens a regular file below dir for reading and writing, as OpenAppendAt does.
func OpenUpdateAt(dir *FD, name string) (*FD, error) {
	return openat(dir, name, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY)
}

// SyncData has a file's bytes, and what it takes to find them, on the disk (fdatasync(2)).
func SyncData(fd *FD) error {
	_, err := retry(func() (int, error) { return 0, unix.Fdatasync(fd.Int()) })
	return wrap("fdatasync", err)
}

// Sync has a file, or the names of a directory, on the disk (fsync(2)).
func Sync(fd *FD) error {
	_, err := retry(func() (int, error) { return 0, unix.Fsync(fd.Int()) })
	return wrap("fsync", err)
}

// Reserve allocates blocks for size bytes from offset on, without making the file longer
// (fallocate(2), FALLOC_FL_KEEP_SIZE). What is written there later needs no room.
func Reserve(fd *FD, offset, size int64) error {
	_, err := retry(func() (int, error) {
		return 0, unix.Fallocate(fd.Int(), unix.FALLOC_FL_KEEP_SIZE, offset, size)
	})
	return wrap("fallocate", err)
}

// Write writes all of p where the descriptor is, or at the file's end. It returns how much was
// written before an error.
func Write(fd *FD, p []byte) (n int, err error) {
	for n < len(p) {
		done, err := retry(func() (int, error) { return unix.Write(fd.Int(), p[n:]) })
		if err != nil {
			return n, wrap("write", err)
		}
		n += done
	}
	return n, nil
}

// WriteAt writes all of p at an offset (pwrite(2)).
func WriteAt(fd *FD, p []byte, offset int64) error {
	for len(p) > 0 {
		n, err := retry(func() (int, error) { return unix.Pwrite(fd.Int(), p, offset) })
		if err != nil {
			return wrap("pwrite", err)
		}
		p, offset = p[n:], offset+int64(n)
	}
	return nil
}

// ReadAt fills p from an offset, as far as the file goes (pread(2)).
func ReadAt(fd *FD, p []byte, offset int64) (n int, err error) {
	for n < len(p) {
		done, err := retry(func() (int, error) { return unix.Pread(fd.Int(), p[n:], offset+int64(n)) })
		if err != nil {
			return n, wrap("pread", err)
		}
		if done == 0 {
			break
		}
		n += done
	}
	return n, nil
}

// BootID names this run of the kernel (random(4)).
func BootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	return string(data[:max(len(data)-1, 0)]), nil
}
