package linux

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// File is a regular file to be written by somebody who does little else. Its writes do not tell the
// runtime that they may block, as those of an os.File do: see Waiter.
type File struct{ *os.File }

// Write writes all of p.
func (f File) Write(p []byte) (n int, err error) {
	fd := f.Fd()
	for n < len(p) {
		done, _, errno := unix.RawSyscall(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(&p[n])), uintptr(len(p)-n))
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return n, &os.PathError{Op: "write", Path: f.Name(), Err: errno}
		}
		n += int(done)
	}
	runtime.KeepAlive(f.File)
	return n, nil
}

// Reserve allocates blocks for size bytes from offset on, without making the file longer
// (fallocate(2)). On ext4 writing then takes a third less CPU time: its delayed allocation books
// each page by itself. It returns false without effect elsewhere, and when the disk is too full.
func (f File) Reserve(offset, size int64) bool {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil || st.Type != unix.EXT4_SUPER_MAGIC {
		return false
	}
	return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, offset, size) == nil
}
