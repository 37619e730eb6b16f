package linux

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// PeerUser is the user at the other end of a Unix socket. Of a server it is who began to listen
// (unix(7), SO_PEERCRED).
func PeerUser(conn syscall.Conn) (uid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	cerr := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err = errors.Join(cerr, wrap("getsockopt SO_PEERCRED", err)); err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}

// NamespaceOwner is the user who made a user namespace (ioctl_ns(2), NS_GET_OWNER_UID; Linux 4.11).
func NamespaceOwner(fd *FD) (uid int, err error) {
	owner, err := unix.IoctlGetUint32(fd.Int(), unix.NS_GET_OWNER_UID)
	return int(owner), wrap("ioctl NS_GET_OWNER_UID", err)
}
