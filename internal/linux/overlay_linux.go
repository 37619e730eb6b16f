package linux

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// NewMount makes a file system with parameters in pairs of name and value, and a detached mount of
// it.
func NewMount(fstype string, attrs int, params ...string) (*FD, error) {
	fs, err := Fsopen(fstype)
	if err != nil {
		return nil, err
	}
	defer fs.Close()
	for i := 0; i+1 < len(params); i += 2 {
		if err := fs.SetString(params[i], params[i+1]); err != nil {
			return nil, err
		}
	}
	if err := fs.Create(); err != nil {
		return nil, err
	}
	return fs.Mount(attrs)
}

// MountOverlay mounts an overlay on a directory: lower ones, uppermost first, and an upper one. All
// of them are in the calling thread's mount namespace, and held: overlayfs finds them by their
// numbers in the working directory, which becomes this process's list of descriptors. So no path is
// walked again, and a page, the most that mount(2) takes, has room for as many as overlayfs takes.
func MountOverlay(on *FD, lower []*FD, upper, work *FD) error {
	list, err := OpenPath("/proc/self/fd")
	if err != nil {
		return err
	}
	defer list.Close()
	if magic, err := Magic(list); err != nil || magic != MagicProc {
		return errors.Join(errors.New("/proc is not a proc file system"), err)
	}
	if err := Fchdir(list); err != nil {
		return err
	}
	names := make([]string, len(lower))
	for i, fd := range lower {
		names[i] = strconv.Itoa(fd.Int())
	}
	options := "index=off,lowerdir=" + strings.Join(names, ":") + ",upperdir=" + strconv.Itoa(upper.Int()) + ",workdir=" + strconv.Itoa(work.Int())
	return wrap("mount overlay", unix.Mount("overlay", strconv.Itoa(on.Int()), "overlay", unix.MS_NODEV, options))
}

// Pivot makes the working directory, a mount point, the root of the calling thread's mount
// namespace, and detaches whatever was mounted there (pivot_root(2), "pivot_root(".", ".")"). What
// is stacked on the old root goes first: umount2(2) takes the topmost one, until none is left.
func Pivot() error {
	old, err := OpenPath("/")
	if err != nil {
		return err
	}
	defer old.Close()
	if err := unix.PivotRoot(".", "."); err != nil {
		return wrap("pivot_root", err)
	}
	if err := Fchdir(old); err != nil {
		return err
	}
	for err = nil; err == nil; {
		err = DetachCwd()
	}
	if !errors.Is(err, unix.EINVAL) { // it is no longer in the namespace
		return err
	}
	return wrap("chdir", unix.Chdir("/"))
}

// RemountReadOnly makes a mount of a path that is dlx's own read-only, and nothing in it executable
// or a device (mount(2), MS_REMOUNT with MS_BIND).
func RemountReadOnly(path string) error {
	const flags = unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	return pathErr("remount", path, unix.Mount("", path, "", flags, ""))
}

// TakeAttributes gives a directory the owner and permissions of another one.
func TakeAttributes(to, from *FD) error {
	st, err := Fstat(from)
	if err != nil {
		return err
	}
	if err := unix.Fchownat(to.Int(), "", int(st.Uid), int(st.Gid), unix.AT_EMPTY_PATH); err != nil {
		return wrap("fchownat", err)
	}
	return wrap("fchmod", unix.Fchmod(to.Int(), st.Mode&^unix.S_IFMT))
}

// LoopbackUp switches on the loopback interface of the calling thread's network namespace
// (netdevice(7)).
func LoopbackUp() error {
	raw, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return wrap("socket", err)
	}
	socket := NewFD(raw)
	defer socket.Close()
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	return wrap("ioctl SIOCSIFFLAGS", unix.IoctlIfreq(raw, unix.SIOCSIFFLAGS, lo))
}
