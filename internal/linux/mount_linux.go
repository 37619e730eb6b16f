package linux

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// FS is a file-system context of the new mount API (fsopen(2), Linux 5.2).
type FS struct{ fd *FD }

// Fsopen starts a file system of the given type; ErrNoDevice says that the kernel does not have it.
func Fsopen(fstype string) (*FS, error) {
	raw, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, wrap("fsopen "+fstype, err)
	}
	return &FS{NewFD(raw)}, nil
}

// SetString sets a parameter, as mount(8)'s -o key=value does.
func (f *FS) SetString(key, value string) error {
	return wrap("fsconfig "+key, unix.FsconfigSetString(f.fd.Int(), key, value))
}

// Create makes the superblock.
func (f *FS) Create() error { return wrap("fsconfig create", unix.FsconfigCreate(f.fd.Int())) }

// Mount returns a detached mount of it, with the attributes (MountNosuid, …), as a descriptor of
// its root. It goes away with the descriptor unless it is attached by MoveMount.
func (f *FS) Mount(attrs int) (*FD, error) {
	raw, err := unix.Fsmount(f.fd.Int(), unix.FSMOUNT_CLOEXEC, attrs)
	if err != nil {
		return nil, wrap("fsmount", err)
	}
	return NewFD(raw), nil
}

// busyLimit is how long a forked process may have a copy of a descriptor before it executes.
const busyLimit = 2 * time.Second

// MakeReadOnly makes a mount's whole superblock read-only: remounting a bind
// mount of it can not undo that. A file that is open for writing keeps it busy.
// A child that is just being forked may hold one.
func MakeReadOnly(mount *FD) error {
	for wait := 50 * time.Microsecond; ; wait *= 2 {
		err := reconfigureReadOnly(mount)
		if !errors.Is(err, unix.EBUSY) || wait > busyLimit {
			return err
		}
		time.Sleep(wait)
	}
}

// reconfigureReadOnly tries once. A context that has failed is of no further use (fsconfig(2)).
func reconfigureReadOnly(mount *FD) error {
	raw, err := unix.Fspick(mount.Int(), "", unix.FSPICK_EMPTY_PATH|unix.FSPICK_CLOEXEC)
	if err != nil {
		return wrap("fspick", err)
	}
	fs := NewFD(raw)
	defer fs.Close()
	if err := unix.FsconfigSetFlag(raw, "ro"); err != nil {
		return wrap("fsconfig ro", err)
	}
	return wrap("fsconfig reconfigure", unix.FsconfigReconfigure(raw))
}

// Close releases the context; mounts made from it stay.
func (f *FS) Close() error { return f.fd.Close() }

// Mount attributes (mount_setattr(2)).
const (
	MountRdonly = unix.MOUNT_ATTR_RDONLY
	MountNosuid = unix.MOUNT_ATTR_NOSUID
	MountNodev  = unix.MOUNT_ATTR_NODEV
	MountNoexec = unix.MOUNT_ATTR_NOEXEC
)

// CloneTree clones the mount, or part of it, at name below dir into a detached mount
// (open_tree(2)); recursive takes the mounts below along. A final link is not followed. The caller
// must be in dir's mount namespace.
func CloneTree(dir *FD, name string, recursive bool) (*FD, error) {
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT)
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	raw, err := unix.OpenTree(dir.Int(), name, flags)
	if err != nil {
		return nil, pathErr("open_tree", name, err)
	}
	return NewFD(raw), nil
}

// MoveMount attaches a detached mount tree at name below dir.
// An empty name is dir itself (move_mount(2)).
func MoveMount(tree, dir *FD, name string) error {
	flags := unix.MOVE_MOUNT_F_EMPTY_PATH
	if name == "" {
		flags |= unix.MOVE_MOUNT_T_EMPTY_PATH
	}
	return pathErr("move_mount", name, unix.MoveMount(tree.Int(), "", dir.Int(), name, flags))
}

// MakePrivate takes every mount at and below the calling thread's root, which has to be a mount
// point (mount(2)), out of propagation, both ways.
func MakePrivate() error {
	return wrap("mount --make-rprivate /", unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
}

// SetMountAttrs adds attributes (MountRdonly, MountNodev, …) to the mount at fd and all below it
// (mount_setattr(2), Linux
// 5.12). An older kernel is ErrNoSys.
func SetMountAttrs(fd *FD, attrs int) error {
	attr := &unix.MountAttr{Attr_set: uint64(attrs)}
	return wrap("mount_setattr", unix.MountSetattr(fd.Int(), "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, attr))
}

// DetachCwd detaches the mount with the thread's working
// directory as its root (umount2(2), MNT_DETACH).
func DetachCwd() error { return wrap("umount2", unix.Unmount(".", unix.MNT_DETACH)) }
