package podman

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/rootfs"
)

// RootSocket is where root's Podman listens (podman-system-service(1)).
const RootSocket = "/run/podman/podman.sock"

const (
	usersDir = "/run/user"          // each one's XDG_RUNTIME_DIR (pam_systemd(8))
	below    = "podman/podman.sock" // below that (podman-system-service(1))
	maxUsers = 64                   // whose sockets are looked for
)

// Sockets returns where Podmans of this host may listen: the caller's own, there or not, and for
// root those of other users. Only files are looked at: none may answer. Root of a user namespace
// alone is the user who made that, and has the user's.
func Sockets() []Options {
	if uid, err := linux.OuterUser(); err == nil && uid != 0 && os.Geteuid() == 0 {
		return []Options{{ownSocket(uid, usersDir), 0}}
	}
	return sockets(os.Geteuid(), RootSocket, usersDir)
}

// Named is the Podman that a DOCKER_HOST leads to, if it leads to one.
func Named(host string) (o Options, ok bool) {
	path := strings.Replace(host, "unix:///var/run/", "unix:///run/", 1)
	all := Sockets()
	i := slices.IndexFunc(all, func(o Options) bool { return path == "unix://"+o.Socket })
	if i < 0 {
		return o, false
	}
	return all[i], true
}

// ownSocket is where an ordinary user's Podman listens.
func ownSocket(uid int, usersDir string) string {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		dir = filepath.Join(usersDir, strconv.Itoa(uid))
	}
	return filepath.Join(dir, below)
}

// pauseFile has the number of the process that keeps a user's namespaces while no container runs
// (podman, pkg/rootless).
const pauseFile = "libpod/tmp/pause.pid"

// Helpers are processes of the user's own Podman that may be where its containers are: the service,
// and the one that keeps the namespaces.
func Helpers(ctx context.Context) (pids []int) {
	for _, o := range Sockets() {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		conn, err := o.dial(ctx, "", "")
		cancel()
		if err != nil {
			continue
		}
		if pid, err := linux.PeerProcess(conn.(*net.UnixConn)); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
		_ = conn.Close()
	}
	own := ownSocket(os.Geteuid(), usersDir)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(own)), pauseFile))
	if pid, aerr := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && aerr == nil && pid > 0 {
		pids = append(pids, pid)
	}
	return pids
}

func sockets(uid int, rootSocket, usersDir string) (list []Options) {
	if uid != 0 {
		return []Options{{ownSocket(uid, usersDir), uid}}
	}
	list = append(list, Options{rootSocket, 0})
	for _, other := range users(usersDir) {
		o := Options{filepath.Join(usersDir, strconv.Itoa(other), below), other}
		if held, err := o.hold(); err == nil && held.Close() == nil {
			list = append(list, o)
		}
	}
	return list
}

// users are the first of those who have a directory.
func users(dir string) (uids []int) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, name := range names {
		if uid, err := strconv.Atoi(name.Name()); err == nil && uid > 0 {
			uids = append(uids, uid)
		}
	}
	slices.Sort(uids)
	return uids[:min(len(uids), maxUsers)]
}

// dial connects to the socket, and to nobody but its owner. It is the transport's.
func (o Options) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	path := o.Socket
	if o.Owner != 0 && o.Owner != os.Geteuid() {
		held, err := o.hold()
		if errors.Is(err, fs.ErrNotExist) {
			return nil, o.absent(err)
		}
		if err != nil {
			return nil, fault.New(fault.NoRuntime, o.Socket, "no Podman of user %d is spoken to: %w", o.Owner, err)
		}
		defer held.Close()
		path = fmt.Sprintf("/proc/self/fd/%d", held.Int())
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.New(fault.SocketDenied, o.Socket, "no permission on %s", o.Socket)
	default:
		return nil, o.absent(err)
	}
	if err := o.verify(conn.(*net.UnixConn)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func (o Options) absent(err error) error {
	e := fault.New(fault.NoRuntime, o.Socket, "no container runtime answers at %s", o.Socket)
	e.Err = err
	return e
}

// verify checks whose process listens.
func (o Options) verify(conn *net.UnixConn) error {
	uid, err := linux.PeerUser(conn)
	if err == nil && uid != o.Owner {
		err = fault.New(fault.NoRuntime, o.Socket, "what listens at %s is of user %d, and not %d", o.Socket, uid, o.Owner)
	}
	return err
}

// hold takes hold of another user's socket. The user can put anything in its place, and anything
// between: no link leads out of the user's directory, no file system is asked that may never
// answer, and what is found is a socket of the user's.
func (o Options) hold() (*linux.FD, error) {
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	dir, err := linux.OpenDirPathAt(nil, filepath.Dir(filepath.Dir(o.Socket)))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	if !rootfs.Answers(dir, mountinfo) {
		return nil, fmt.Errorf("%s is on a file system that may not answer", filepath.Dir(filepath.Dir(o.Socket)))
	}
	found, err := linux.FindOnMount(dir, below)
	if err != nil {
		return nil, err
	}
	const kind = linux.ModeType
	if found.Stat.Mode&kind != linux.ModeSocket || int(found.Stat.Uid) != o.Owner {
		return nil, errors.Join(fmt.Errorf("%s is not a socket of user %d", o.Socket, o.Owner), found.Close())
	}
	return found.FD, nil
}
