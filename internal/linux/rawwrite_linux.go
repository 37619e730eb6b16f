package linux

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// File is a regular file to be written by somebody who does little else. Its writes do not tell the runtime that they may
// block, as those of an os.File do: see Waiter.
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
