package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"dlx/fault"
	"dlx/internal/linux"
)

// listener is where an agent listens, and what keeps a second agent from the same place.
type listener struct {
	net.Listener
	lock *os.File // nil where systemd has made the socket
}

// Close stops listening. The socket's file goes with it, unless it is systemd's.
func (l *listener) Close() error {
	err := l.Listener.Close()
	if l.lock != nil {
		err = errors.Join(err, l.lock.Close())
	}
	return err
}

// listen makes the socket, which root and a group can connect to. Or it takes the one that systemd
// hands over (sd_listen_fds(3)).
func listen(path, group string) (*listener, error) {
	if l, err := handedOver(); l != nil || err != nil {
		return l, err
	}
	return listenUnix(path, group)
}

// listenUnix makes a socket, which root and a group can connect to.
func listenUnix(path, group string) (*listener, error) {
	gid, err := groupID(group)
	if err != nil {
		return nil, err
	}
	if err := socketDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	if err := removeSocket(path); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	old := syscall.Umask(0o177) // nobody else connects before the socket has its group
	l, err := net.Listen("unix", path)
	syscall.Umask(old)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), lock.Close())
	}
	if err := errors.Join(os.Chown(path, 0, gid), os.Chmod(path, 0o660)); err != nil {
		return nil, errors.Join(fmt.Errorf("give the socket to group %s: %w", group, err), l.Close(), lock.Close())
	}
	return &listener{l, lock}, nil
}

// firstHandedOver is the first descriptor that systemd hands over (sd_listen_fds(3)).
const firstHandedOver = 3

// handedOver is the socket that systemd hands over, nil if it does not.
func handedOver() (*listener, error) {
	pid, count := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	if pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if err := os.Unsetenv(name); err != nil {
			return nil, err
		}
	}
	if count != "1" {
		return nil, fmt.Errorf("systemd hands over %s sockets, and an agent takes one", count)
	}
	f := os.NewFile(firstHandedOver, "socket of systemd")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("take the socket of systemd: %w", err)
	}
	if _, ok := l.(*net.UnixListener); !ok {
		return nil, errors.Join(fmt.Errorf("systemd hands over a socket of %s, and not a unix socket", l.Addr().Network()), l.Close())
	}
	return &listener{Listener: l}, nil
}

// groupID is a group's number; "" is root's.
func groupID(name string) (int, error) {
	if name == "" {
		return 0, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, fault.New(fault.BadRequest, name, "no group %q to give the socket to: %w", name, err)
	}
	return strconv.Atoi(g.Gid)
}

// socketDir makes the directory of the socket, which others can go through but not write to.
func socketDir(dir string) error {
	if err := os.Mkdir(dir, 0o711); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the directory of the socket: %w", err)
	}
	d, err := linux.OpenPath(dir)
	if err != nil {
		return fmt.Errorf("open the directory of the socket: %w", err)
	}
	defer d.Close()
	st, err := linux.Fstat(d)
	switch {
	case err != nil:
		return err
	case st.Mode&syscall.S_IFMT != syscall.S_IFDIR || st.Uid != 0 || st.Mode&0o022 != 0:
		return fault.New(fault.Writable, dir, "%s is not root's alone: another one could listen in the agent's place", dir)
	}
	return os.Chmod(dir, fs.FileMode(st.Mode&0o777|0o111))
}

// lockFile keeps a second agent from a socket. The lock goes with the process.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the socket: %w", err)
	}
	if taken, err := linux.TryLock(f); err != nil || !taken {
		if err == nil {
			err = fault.New(fault.BadRequest, name, "another agent listens there already: %s is locked", name)
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// removeSocket removes what an agent that was killed has left. Another file stays.
func removeSocket(path string) error {
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.Mode()&fs.ModeSocket == 0:
		return fault.New(fault.BadRequest, path, "%s is there, and is no socket", path)
	}
	return os.Remove(path)
}
