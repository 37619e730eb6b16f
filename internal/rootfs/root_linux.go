package rootfs

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strconv"

	"dlx/internal/linux"
)

// Root is the root directory of a process. Its owner closes it.
type Root struct {
	*linux.FD
	answers bool // the file system of its own mount does, sooner or later
}

// answering are file systems of containers' roots and /dev that need nobody else to answer. They
// have their names in mountinfo.
var answering = []string{"overlay", "devtmpfs", "ramfs", "rootfs", "ext4", "xfs", "btrfs", "tmpfs", "zfs", "aufs", "ext3", "ext2", "f2fs", "squashfs", "erofs"}

// NewRoot takes a root directory, and what the process's mountinfo says (proc_pid_mountinfo(5)): of
// the kind of file system that the directory is on. Where that is not known, it is taken for one
// that may never answer.
func NewRoot(fd *linux.FD, mountinfo []byte) *Root { return &Root{fd, Answers(fd, mountinfo)} }

// Answers says whether a file's own mount is of a kind that needs nobody else to answer. The file
// system is not asked.
func Answers(fd *linux.FD, mountinfo []byte) bool {
	id, err := linux.MountID(fd)
	return err == nil && slices.Contains(answering, fstype(mountinfo, id))
}

// Own is this process's own root, the host's.
func Own() (*Root, error) {
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	fd, err := linux.OpenPath("/")
	if err != nil {
		return nil, err
	}
	return NewRoot(fd, mountinfo), nil
}

// fstype is the kind of a mount's file system, "" if the mount is not there.
func fstype(mountinfo []byte, id uint64) string {
	prefix := strconv.AppendUint(nil, id, 10)
	prefix = append(prefix, ' ')
	for line := range bytes.Lines(mountinfo) {
		if !bytes.HasPrefix(line, prefix) {
			continue
		}
		// What stands before the hyphen has no spaces of its own: they are escaped.
		if _, rest, ok := bytes.Cut(line, []byte(" - ")); ok {
			kind, _, _ := bytes.Cut(rest, []byte(" "))
			return string(kind)
		}
	}
	return ""
}

// find finds a file on the root's own mount at once, and elsewhere by a child that can be left
// behind.
func (r *Root) find(name string) (found *linux.Found, elsewhere bool, err error) {
	if !r.answers {
		return nil, true, nil
	}
	found, err = linux.FindOnMount(r.FD, name)
	return found, errors.Is(err, linux.ErrOtherMount) || errors.Is(err, linux.ErrTryAgain), err
}
