package linux

import (
	"bytes"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Sockets calls each with the inode of every socket that a process has open, until each returns
// false. It looks at up to limit descriptors. process is the process's held /proc/PID directory.
func Sockets(process *FD, limit int, each func(inode uint64) bool) error {
	fds, err := OpenDirAt(process, "fd")
	if err != nil {
		return err
	}
	dir := fds.File("fd")
	defer dir.Close()
	conn, err := dir.SyscallConn()
	if err != nil {
		return err
	}
	const some = 512
	for left := limit; left > 0; left -= some {
		names, err := dir.Readdirnames(min(some, left))
		if isEOF(err) {
			return nil
		}
		if err != nil {
			return err
		}
		done := false
		cerr := conn.Control(func(fd uintptr) { done = !sockets(int(fd), names, each) })
		if cerr != nil || done {
			return cerr
		}
	}
	return nil
}

// sockets reads the links of some descriptors.
func sockets(dir int, names []string, each func(inode uint64) bool) bool {
	var buf [64]byte
	for _, name := range names {
		n, err := unix.Readlinkat(dir, name, buf[:])
		if err != nil {
			continue // it was closed meanwhile
		}
		if inode, ok := socketInode(buf[:n]); ok && !each(inode) {
			return false
		}
	}
	return true
}

// socketInode takes the number out of a link such as "socket:[4711]" (proc(5), /proc/PID/fd).
func socketInode(link []byte) (inode uint64, ok bool) {
	digits, ok := bytes.CutPrefix(link, []byte("socket:["))
	if !ok || len(digits) < 2 || digits[len(digits)-1] != ']' {
		return 0, false
	}
	for _, d := range digits[:len(digits)-1] {
		if d < '0' || d > '9' || inode > 1<<59 {
			return 0, false
		}
		inode = inode*10 + uint64(d-'0')
	}
	return inode, true
}

// IsGone says whether an error means that a process, or its file in /proc, is not there any more.
func IsGone(err error) bool { return errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrNoProcess) }
