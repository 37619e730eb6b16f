package linux

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// PeerUser is the user at the other end of a Unix socket. Of a server it is who began to listen
// (unix(7), SO_PEERCRED).
func PeerUser(conn syscall.Conn) (uid int, err error) {
	cred, err := peer(conn)
	if err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}

// PeerProcess is the process there, and 0 one that this process does not see. Its number may come
// to mean another.
func PeerProcess(conn syscall.Conn) (pid int, err error) {
	cred, err := peer(conn)
	if err != nil {
		return 0, err
	}
	return int(cred.Pid), nil
}

func peer(conn syscall.Conn) (*unix.Ucred, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	cerr := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err = errors.Join(cerr, wrap("getsockopt SO_PEERCRED", err)); err != nil {
		return nil, err
	}
	return cred, nil
}

// NamespaceOwner is the user who made a user namespace (ioctl_ns(2), NS_GET_OWNER_UID; Linux 4.11).
func NamespaceOwner(fd *FD) (uid int, err error) {
	owner, err := unix.IoctlGetUint32(fd.Int(), unix.NS_GET_OWNER_UID)
	return int(owner), wrap("ioctl NS_GET_OWNER_UID", err)
}
