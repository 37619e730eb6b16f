package linux

import (
	"errors"
	"syscall"
	"unsafe"

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

// Credentials are those that a process had when it connected a socket.
type Credentials struct {
	UID, GID uint32
	Groups   []uint32 // supplementary ones
	PID      int      // 0: one that this process does not see
}

// PeerCredentials are those of the process at the other end of a unix socket (unix(7), SO_PEERCRED;
// SO_PEERGROUPS, Linux 4.13).
func PeerCredentials(conn syscall.Conn) (*Credentials, error) {
	cred, err := peer(conn)
	if err != nil {
		return nil, err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &Credentials{UID: cred.Uid, GID: cred.Gid, PID: int(cred.Pid)}
	cerr := raw.Control(func(fd uintptr) { c.Groups, err = peerGroups(int(fd)) })
	return c, errors.Join(cerr, err)
}

// maxGroups is NGROUPS_MAX (linux/limits.h).
const maxGroups = 65536

func peerGroups(fd int) ([]uint32, error) {
	for n := 64; ; n = maxGroups {
		groups := make([]uint32, n)
		size := uint32(n) * uint32(unsafe.Sizeof(groups[0]))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return groups[:size/uint32(unsafe.Sizeof(groups[0]))], nil
		case errno != unix.ERANGE || n == maxGroups:
			return nil, wrap("getsockopt SO_PEERGROUPS", errno)
		}
	}
}

// MayWrite says whether this process may write to a file, or connect to a socket (faccessat2(2)).
func MayWrite(name string) bool {
	return unix.Faccessat(unix.AT_FDCWD, name, unix.W_OK, unix.AT_EACCESS) == nil
}
