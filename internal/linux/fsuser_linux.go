package linux

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Nobody is the user and the group that own nothing (DEFAULT_OVERFLOWUID in linux/highuid.h).
const Nobody = 65534

// ActAs has the calling thread open and make files as a user (setfsuid(2)). What it makes is the
// user's. The kernel asks for that user where fs.protected_regular and its like do (proc(5)). The
// thread may still reach what root may. Do not use it for anything else afterwards.
func ActAs(uid, gid int) error {
	for _, id := range []struct {
		call string
		set  func(int) (int, error)
		to   int
	}{{"setfsgid", unix.SetfsgidRetGid, gid}, {"setfsuid", unix.SetfsuidRetUid, uid}} {
		_, err := id.set(id.to)
		if now, nerr := id.set(-1); err == nil && nerr == nil && now != id.to { // neither call reports a failure
			err = fmt.Errorf("%d: %w", id.to, ErrPerm)
		}
		if err != nil {
			return wrap(id.call, err)
		}
	}
	return raise(CapDacOverride, CapDacReadSearch)
}

// FileUser is the user that the calling thread makes files as (setfsuid(2)).
func FileUser() int {
	uid, _ := unix.SetfsuidRetUid(-1) // which changes nothing, and does not fail
	return uid
}

// raise makes capabilities that the thread may have effective, which setfsuid(2) takes away.
func raise(caps ...int) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return wrap("capget", err)
	}
	for _, c := range caps {
		word := &data[c/32]
		word.Effective |= word.Permitted & (1 << (c % 32))
	}
	return wrap("capset", unix.Capset(&header, &data[0]))
}

// OpenOutputAt opens a file below dir for writing, or makes an empty one. It follows no link. It
// waits neither for a FIFO's reader nor for the holder of a lease (fcntl(2), F_SETLEASE).
func OpenOutputAt(dir *FD, name string, perm uint32) (fd *FD, made bool, err error) {
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	raw, err := retry(func() (int, error) { return unix.Openat(dir.Int(), name, flags|unix.O_EXCL, perm) })
	if made = err == nil; errors.Is(err, unix.EEXIST) {
		raw, err = retry(func() (int, error) { return unix.Openat(dir.Int(), name, flags, perm) })
	}
	if err != nil {
		return nil, false, err
	}
	fd = NewFD(raw)
	if err := unix.SetNonblock(raw, false); err != nil {
		return nil, false, errors.Join(wrap("fcntl O_NONBLOCK", err), fd.Close())
	}
	return fd, made, nil
}

// OpenDirPathAt opens a directory below dir as an O_PATH descriptor, and follows no link: one there
// is ErrLoop or ErrNotDir. A nil dir is the working directory, or the root for a name that begins
// there.
func OpenDirPathAt(dir *FD, name string) (*FD, error) {
	at := unix.AT_FDCWD
	if dir != nil {
		at = dir.Int()
	}
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	raw, err := retry(func() (int, error) { return unix.Openat(at, name, flags, 0) })
	if err != nil {
		return nil, err
	}
	return NewFD(raw), nil
}

// Truncate is ftruncate(2).
func Truncate(fd *FD, size int64) error { return wrap("ftruncate", unix.Ftruncate(fd.Int(), size)) }

// OpenFIFO opens a FIFO for writing, and waits for its reader. Nothing else is opened, since that
// alone may have effects: other files, and links, are ErrInvalid.
func OpenFIFO(name string) (*FD, error) {
	raw, err := retry(func() (int, error) { return unix.Open(name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, pathErr("open", name, err)
	}
	held := NewFD(raw)
	defer held.Close()
	if st, err := Fstat(held); err != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return nil, pathErr("open", name, ErrInvalid)
	}
	return OpenWrite(fmt.Sprintf("/proc/self/fd/%d", held.Int()))
}
