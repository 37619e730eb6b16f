package linux

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Stat is what stat(2) tells of a file.
type Stat = unix.Stat_t

// File-type bits of Stat.Mode.
const (
	ModeType    = unix.S_IFMT
	ModeDir     = unix.S_IFDIR
	ModeRegular = unix.S_IFREG
	ModeSymlink = unix.S_IFLNK
	ModeSocket  = unix.S_IFSOCK
	ModeFIFO    = unix.S_IFIFO
)

// Errors that the packages above tell apart.
var (
	ErrExist    error = unix.EEXIST
	ErrNotExist error = unix.ENOENT
	ErrNotEmpty error = unix.ENOTEMPTY
	ErrLoop     error = unix.ELOOP
	ErrNotDir   error = unix.ENOTDIR
	ErrAccess   error = unix.EACCES
	ErrPerm     error = unix.EPERM
	ErrInvalid  error = unix.EINVAL
	ErrNoDevice error = unix.ENODEV
	ErrNoSys    error = unix.ENOSYS
	ErrTooBig   error = unix.E2BIG
	ErrExecFmt  error = unix.ENOEXEC
	ErrIO       error = unix.EIO
	ErrTryAgain error = unix.EAGAIN
)

// File systems by their magic number (statfs(2)).
const (
	MagicProc    = unix.PROC_SUPER_MAGIC
	MagicTmpfs   = unix.TMPFS_MAGIC
	MagicOverlay = unix.OVERLAYFS_SUPER_MAGIC
	MagicFuse    = unix.FUSE_SUPER_MAGIC
	MagicCgroup  = unix.CGROUP_SUPER_MAGIC
	MagicCgroup2 = unix.CGROUP2_SUPER_MAGIC
	MagicSelinux = unix.SELINUX_MAGIC
)

// OpenPath opens a path that dlx itself chose (never one of a container's) as an O_PATH descriptor.
func OpenPath(name string) (*FD, error) { return open(name, unix.O_PATH) }

// OpenRead opens a path that dlx itself chose for reading.
func OpenRead(name string) (*FD, error) { return open(name, unix.O_RDONLY) }

// OpenWrite opens an existing path that dlx itself chose for writing.
func OpenWrite(name string) (*FD, error) { return open(name, unix.O_WRONLY) }

func open(name string, flags int) (*FD, error) {
	raw, err := retry(func() (int, error) { return unix.Open(name, flags|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return NewFD(raw), nil
}

// OpenAt opens one path component below dir for reading. Below /proc/PID, name may be "a/b".
func OpenAt(dir *FD, name string) (*FD, error) { return openat(dir, name, unix.O_RDONLY) }

// OpenPathAt opens a path component below dir as O_PATH. It follows links, as /proc/PID/root needs.
func OpenPathAt(dir *FD, name string) (*FD, error) { return openat(dir, name, unix.O_PATH) }

// OpenDirAt opens the directory name below dir. A link there is not followed,
// but is ErrLoop or ErrNotDir.
func OpenDirAt(dir *FD, name string) (*FD, error) {
	return openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
}

func openat(dir *FD, name string, flags int) (*FD, error) {
	raw, err := retry(func() (int, error) { return unix.Openat(dir.Int(), name, flags|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &os.PathError{Op: "openat", Path: name, Err: err}
	}
	return NewFD(raw), nil
}

// OpenBeneath opens a path below dir with openat2(2) (Linux 5.6): no symbolic link, no magic link,
// no way out of dir.
func OpenBeneath(dir *FD, name string, flags int) (*FD, error) {
	how := &unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS}
	raw, err := openat2(dir, name, how)
	if err != nil {
		return nil, &os.PathError{Op: "openat2", Path: name, Err: err}
	}
	return NewFD(raw), nil
}

// raceRetries is how often a path is walked again after EAGAIN. openat2(2) gives up at a ".." if
// anything on the machine was renamed or mounted meanwhile: it can not tell whether it has led out.
const raceRetries = 128

func openat2(dir *FD, name string, how *unix.OpenHow) (raw int, err error) {
	for range raceRetries {
		raw, err = retry(func() (int, error) { return unix.Openat2(dir.Int(), name, how) })
		if !errors.Is(err, unix.EAGAIN) {
			break
		}
	}
	return raw, err
}

// Reopen opens the very file of an O_PATH descriptor, whatever its name leads to by now. It uses
// the descriptor's link in this process's /proc (proc_pid_fd(5)). Opening a device can do something
// by itself: ask what the file is first.
func Reopen(fd *FD, flags int) (*FD, error) {
	proc, err := OpenPath("/proc/self/fd")
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	if magic, err := Magic(proc); err != nil || magic != MagicProc {
		return nil, errors.Join(errors.New("/proc is not a proc file system"), err)
	}
	return openat(proc, strconv.Itoa(fd.Int()), flags)
}

// Flags for OpenBeneath and Reopen.
const (
	OPath      = unix.O_PATH
	ORead      = unix.O_RDONLY
	ODirectory = unix.O_DIRECTORY
	ONoFollow  = unix.O_NOFOLLOW
	ONonblock  = unix.O_NONBLOCK
	ONoctty    = unix.O_NOCTTY
)

// Fstat is fstat(2).
func Fstat(fd *FD) (Stat, error) {
	var st Stat
	return st, wrap("fstat", unix.Fstat(fd.Int(), &st))
}

// StatAt is fstatat(2) without following a final link.
func StatAt(dir *FD, name string) (Stat, error) {
	var st Stat
	err := unix.Fstatat(dir.Int(), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return st, &os.PathError{Op: "fstatat", Path: name, Err: err}
	}
	return st, nil
}

// TypeAt is the type of the file name below dir, as the kernel knows it.
// It does not follow a final link. It does not ask a file system that
// somebody has to answer for (statx(2), AT_STATX_DONT_SYNC).
func TypeAt(dir *FD, name string) (uint32, error) {
	const flags = unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT | unix.AT_STATX_DONT_SYNC
	var st unix.Statx_t
	if err := unix.Statx(dir.Int(), name, flags, unix.STATX_TYPE, &st); err != nil {
		return 0, &os.PathError{Op: "statx", Path: name, Err: err}
	}
	return uint32(st.Mode) & unix.S_IFMT, nil
}

// StatAtFollow is fstatat(2) following links, as the /proc/PID/ns entries need.
func StatAtFollow(dir *FD, name string) (Stat, error) {
	var st Stat
	err := unix.Fstatat(dir.Int(), name, &st, 0)
	if err != nil {
		return st, &os.PathError{Op: "fstatat", Path: name, Err: err}
	}
	return st, nil
}

// Magic is the magic number of the file system that fd is on (statfs(2)).
func Magic(fd *FD) (int64, error) {
	var st unix.Statfs_t
	err := unix.Fstatfs(fd.Int(), &st)
	return st.Type, wrap("fstatfs", err)
}

// Free is how many bytes a user without privileges could write on the file system that fd is on
// (statfs(2), f_bavail).
func Free(fd *FD) (int64, error) {
	var st unix.Statfs_t
	err := unix.Fstatfs(fd.Int(), &st)
	return int64(st.Bavail) * st.Bsize, wrap("fstatfs", err)
}

// HasMagic says whether the file at a path is on a file system of that magic number (statfs(2)).
func HasMagic(name string, magic int64) bool {
	var st unix.Statfs_t
	return unix.Statfs(name, &st) == nil && st.Type == magic
}

// ReadlinkAt reads the symbolic link name below dir.
func ReadlinkAt(dir *FD, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir.Int(), name, buf)
	if err != nil {
		return "", &os.PathError{Op: "readlinkat", Path: name, Err: err}
	}
	return string(buf[:n]), nil
}

// MkdirAt makes a directory below dir with just these permission bits; an existing one is ErrExist.
func MkdirAt(dir *FD, name string, perm uint32) error {
	if err := unix.Mkdirat(dir.Int(), name, perm); err != nil {
		return pathErr("mkdirat", name, err)
	}
	return pathErr("fchmodat", name, fchmodNoFollow(dir, name, perm))
}

// fchmodNoFollow sets the mode of a directory just made, which the umask may have narrowed, unless
// it was swapped for a link meanwhile.
func fchmodNoFollow(dir *FD, name string, perm uint32) error {
	fd, err := OpenDirAt(dir, name)
	if err != nil {
		return err
	}
	defer fd.Close()
	return unix.Fchmod(fd.Int(), perm)
}

// MkfileAt makes an empty regular file below dir.
func MkfileAt(dir *FD, name string, perm uint32) error {
	return pathErr("mknodat", name, unix.Mknodat(dir.Int(), name, unix.S_IFREG|perm, 0))
}

// IsDevice says whether an open file is the node of a character device.
func IsDevice(fd *FD, d Device) (bool, error) {
	st, err := Fstat(fd)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(d.Major, d.Minor), err
}

// MknodAt makes the node of a device below dir with just these permission bits. dir is nobody
// else's.
func MknodAt(dir *FD, name string, perm uint32, d Device) error {
	mode := unix.S_IFCHR | perm
	if d.Block {
		mode = unix.S_IFBLK | perm
	}
	if err := unix.Mknodat(dir.Int(), name, mode, int(unix.Mkdev(d.Major, d.Minor))); err != nil {
		return pathErr("mknodat", name, err)
	}
	return pathErr("fchmodat", name, unix.Fchmodat(dir.Int(), name, perm, 0)) // the umask may have narrowed it
}

// SymlinkAt makes the symbolic link name below dir.
func SymlinkAt(target string, dir *FD, name string) error {
	return pathErr("symlinkat", name, unix.Symlinkat(target, dir.Int(), name))
}

// UnlinkAt removes a file below dir, RmdirAt an empty directory.
func UnlinkAt(dir *FD, name string) error {
	return pathErr("unlinkat", name, unix.Unlinkat(dir.Int(), name, 0))
}

// RmdirAt removes an empty directory below dir.
func RmdirAt(dir *FD, name string) error {
	return pathErr("rmdirat", name, unix.Unlinkat(dir.Int(), name, unix.AT_REMOVEDIR))
}

// RenameNoReplace renames from to to, both below dir. If to is there it is ErrExist (renameat2(2)).
func RenameNoReplace(dir *FD, from, to string) error {
	return pathErr("renameat2", to, unix.Renameat2(dir.Int(), from, dir.Int(), to, unix.RENAME_NOREPLACE))
}

// ReadDir returns the names in the directory fd, at most limit of them.
func ReadDir(fd *FD, limit int) ([]string, error) {
	again, err := openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	f := again.File(".")
	defer f.Close()
	names, err := f.Readdirnames(limit + 1)
	if err != nil && len(names) == 0 && !isEOF(err) {
		return nil, fmt.Errorf("read directory: %w", err)
	}
	if len(names) > limit {
		return nil, fmt.Errorf("directory has more than %d entries", limit)
	}
	return names, nil
}

// CleanComponent says whether name is one plain path component.
func CleanComponent(name string) bool {
	return name != "" && name != "." && name != ".." && path.Base(name) == name && !strings.ContainsRune(name, 0)
}

func pathErr(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: name, Err: err}
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// Lock waits for an exclusive lock on an open file (flock(2)). It ends with the last descriptor.
func Lock(f *os.File) error {
	_, err := retry(func() (int, error) { return 0, unix.Flock(int(f.Fd()), unix.LOCK_EX) })
	return wrap("flock", err)
}

// TryLock takes such a lock, and says whether nobody else has it.
func TryLock(f *os.File) (bool, error) {
	_, err := retry(func() (int, error) { return 0, unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, wrap("flock", err)
}

// Inherit clears the close-on-exec flag: programs that are started without care get the file.
func Inherit(f *os.File) error {
	_, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0)
	return wrap("fcntl F_SETFD", err)
}

// CreateAt makes a regular file below dir and opens it for writing. An existing one is ErrExist.
func CreateAt(dir *FD, name string, perm uint32) (*FD, error) {
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	raw, err := retry(func() (int, error) { return unix.Openat(dir.Int(), name, flags, perm) })
	if err != nil {
		return nil, pathErr("openat", name, err)
	}
	fd := NewFD(raw)
	if err := unix.Fchmod(raw, perm); err != nil { // the umask may have narrowed it
		return nil, errors.Join(pathErr("fchmod", name, err), fd.Close())
	}
	return fd, nil
}

// Writer writes to a descriptor, which stays its owner's.
func Writer(fd *FD) io.Writer { return writer{fd} }
