package linux

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// OpenPty makes a pseudo-terminal of the devpts at pts, or of the host's for nil. The slave is
// opened through the master (TIOCGPTPEER, Linux 4.13), never by a path, and is known by its path
// below pts.
func OpenPty(pts *FD) (master *os.File, slave *FD, err error) {
	dir, name := unix.AT_FDCWD, "/dev/ptmx"
	if pts != nil {
		dir, name = pts.Int(), "ptmx"
	}
	raw, err := unix.Openat(dir, name, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, pathErr("open", name, err)
	}
	m := NewFD(raw)
	if err := unix.IoctlSetPointerInt(raw, unix.TIOCSPTLCK, 0); err != nil {
		m.Close()
		return nil, nil, wrap("ioctl TIOCSPTLCK", err)
	}
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(raw), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		m.Close()
		return nil, nil, wrap("ioctl TIOCGPTPEER", errno)
	}
	return m.File("/dev/ptmx"), NewFD(int(peer)), nil
}

// SetWindowSize sets a terminal's size in characters. Its foreground processes get SIGWINCH.
func SetWindowSize(tty *os.File, rows, cols uint16) error {
	conn, err := tty.SyscallConn()
	if err != nil {
		return err
	}
	var ierr error
	err = conn.Control(func(fd uintptr) {
		ierr = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
	})
	if err != nil {
		return err
	}
	return wrap("ioctl TIOCSWINSZ", ierr)
}

// ForegroundGroup is the process group that a terminal sends its signals to (tcgetpgrp(3)).
func ForegroundGroup(tty *os.File) (int, error) {
	conn, err := tty.SyscallConn()
	if err != nil {
		return 0, err
	}
	var group int
	var ierr error
	err = conn.Control(func(fd uintptr) { group, ierr = unix.IoctlGetInt(int(fd), unix.TIOCGPGRP) })
	return group, errors.Join(err, wrap("ioctl TIOCGPGRP", ierr))
}

// Fchown gives a file to a user and group of the host's numbers.
func Fchown(fd *FD, uid, gid int) error {
	return wrap("fchownat", unix.Fchownat(fd.Int(), "", uid, gid, unix.AT_EMPTY_PATH))
}

// Pipe makes a pipe; both ends are close-on-exec.
func Pipe() (r, w *FD, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, wrap("pipe2", err)
	}
	return NewFD(p[0]), NewFD(p[1]), nil
}

// PipeFile makes a pipe. One end is an *os.File that Close interrupts: with read, the reading one.
func PipeFile(read bool) (*os.File, *FD, error) {
	r, w, err := Pipe()
	if err != nil {
		return nil, nil, err
	}
	ours, theirs := w, r
	if read {
		ours, theirs = r, w
	}
	if err := unix.SetNonblock(ours.Int(), true); err != nil {
		return nil, nil, wrap("fcntl O_NONBLOCK", CloseAll(r, w))
	}
	return ours.File("pipe"), theirs, nil
}
