package linux

import (
	"golang.org/x/sys/unix"
)

// Clone flags of the namespaces (namespaces(7)).
const (
	NewUser   = unix.CLONE_NEWUSER
	NewNet    = unix.CLONE_NEWNET
	NewPid    = unix.CLONE_NEWPID
	NewUts    = unix.CLONE_NEWUTS
	NewIpc    = unix.CLONE_NEWIPC
	NewCgroup = unix.CLONE_NEWCGROUP
	NewMnt    = unix.CLONE_NEWNS
)

// Setns moves the calling thread into the namespaces given by flags: all of them at once when fd is
// a pidfd (setns(2), Linux 5.8). A dead process is ErrNoProcess.
func Setns(fd *FD, flags int) error { return wrap("setns", unix.Setns(fd.Int(), flags)) }

// UnshareFS gives the thread its own root and working directory.
// Joining a mount namespace needs it.
func UnshareFS() error { return wrap("unshare CLONE_FS", unix.Unshare(unix.CLONE_FS)) }

// UnshareMounts gives the calling thread a copy of its mount namespace.
func UnshareMounts() error { return wrap("unshare CLONE_NEWNS", unix.Unshare(unix.CLONE_NEWNS)) }

// Fchdir and Chroot move the calling thread, which has to have called UnshareFS.
func Fchdir(fd *FD) error { return wrap("fchdir", unix.Fchdir(fd.Int())) }

// ChrootHere makes the working directory the thread's root.
func ChrootHere() error { return wrap("chroot", unix.Chroot(".")) }
