package linux

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Found is a file in a file system that may hang, with what it and its file system said of it when
// it was found. Its owner closes it.
type Found struct {
	*FD   // O_PATH
	Stat  Stat
	Magic int64 // of the file system (statfs(2))
}

// Numbers of the descriptors of the child that finds.
const (
	foundFD = 0 // the least that is free, so the one that openat2(2) returns
	rootFD  = 4
)

// ErrOtherMount reports a path that leads to another mount.
var ErrOtherMount error = unix.EXDEV

// FindOnMount is FindInRoot without a child, for a root whose file system answers. A path to
// another mount is ErrOtherMount (openat2(2), RESOLVE_NO_XDEV).
func FindOnMount(root *FD, name string) (*Found, error) {
	how := &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV,
	}
	raw, err := retry(func() (int, error) { return unix.Openat2(root.Int(), name, how) })
	if err != nil {
		return nil, &os.PathError{Op: "openat2", Path: name, Err: err}
	}
	found := &Found{FD: NewFD(raw)}
	if found.Magic, err = Magic(found.FD); err == nil {
		found.Stat, err = Fstat(found.FD)
	}
	if err != nil {
		return nil, errors.Join(err, found.Close())
	}
	return found, nil
}

// MountID is the number of the mount that fd is on, as mountinfo has it. No file system is asked
// (statx(2), AT_STATX_DONT_SYNC; Linux 5.8).
func MountID(fd *FD) (uint64, error) {
	var st unix.Statx_t
	err := unix.Statx(fd.Int(), "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_MNT_ID, &st)
	if err == nil && st.Mask&unix.STATX_MNT_ID == 0 {
		err = unix.ENOSYS
	}
	return st.Mnt_id, wrap("statx", err)
}

// FindInRoot makes openat2(2) with root as that of every link, fstat(2) and fstatfs(2) in a forked
// child, and ends with ctx. A FUSE server can take a request and never answer. The waiting thread
// can not end then, nor can its process, even if killed (the kernel's fs/fuse/dev.c,
// request_wait_answer): it is the child that is left behind.
//
//go:norace
func FindInRoot(ctx context.Context, root *FD, name string) (*Found, error) {
	for range raceRetries {
		found, err := findInRoot(ctx, root, name)
		if !errors.Is(err, unix.EAGAIN) {
			return found, err
		}
	}
	return nil, &os.PathError{Op: "openat2", Path: name, Err: unix.EAGAIN}
}

//go:norace
func findInRoot(ctx context.Context, root *FD, name string) (*Found, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, wrap("socketpair", err)
	}
	ours, theirs := NewFD(pair[0]), NewFD(pair[1])
	defer ours.Close()
	p := NewPlan()
	p.find(root, name)
	i, err := p.load()
	if err = errors.Join(p.err, err); err != nil {
		theirs.Close()
		return nil, err
	}
	child, err := i.start(theirs)
	if err = errors.Join(err, i.close()); err != nil {
		return nil, err
	}
	defer leave(child)
	return receiveFound(ctx, ours, name)
}

// find plans to find a file and to send it, with what is known of it.
func (p *Plan) find(root *FD, name string) {
	how := p.words([]uint64{unix.O_PATH | unix.O_CLOEXEC, 0, unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}) // struct open_how
	st := p.bytes(make([]byte, unsafe.Sizeof(Stat{})))
	fs := p.bytes(make([]byte, unsafe.Sizeof(unix.Statfs_t{})))
	iov := p.words([]uint64{st.value, uint64(unsafe.Sizeof(Stat{})), fs.value, uint64(unsafe.Sizeof(unix.Statfs_t{}))}, 0, 2)
	rights := unix.UnixRights(foundFD)
	msg := p.words([]uint64{0, 0, iov.value, 2, p.bytes(rights).value, uint64(len(rights)), 0}, 2, 4) // struct msghdr
	p.call("dup3 root", unix.SYS_DUP3, p.use(root), val(rootFD), val(unix.O_CLOEXEC))
	p.call("close_range", unix.SYS_CLOSE_RANGE, val(foundFD), val(rootFD-1), val(0))
	p.call("close_range", unix.SYS_CLOSE_RANGE, val(errorFD+1), val(math.MaxUint32), val(0))
	p.call("openat2", unix.SYS_OPENAT2, val(rootFD), p.cstring(name), how, val(3*wordSize))
	p.call("fstatfs", unix.SYS_FSTATFS, val(foundFD), fs)
	p.call("fstat", unix.SYS_FSTAT, val(foundFD), st)
	p.call("sendmsg", unix.SYS_SENDMSG, val(errorFD), msg, val(0))
}

// receiveFound takes what the child sends. A child that hangs sends nothing, and ctx ends the wait.
func receiveFound(ctx context.Context, child *FD, name string) (*Found, error) {
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		_ = unix.Shutdown(child.Int(), unix.SHUT_RDWR)
	})
	defer func() {
		if !stop() {
			<-woken // before child is closed
		}
	}()
	var st Stat
	var fs unix.Statfs_t
	buf := make([]byte, unsafe.Sizeof(st)+unsafe.Sizeof(fs))
	control := make([]byte, unix.CmsgSpace(4))
	n, err := retry(func() (n int, err error) {
		n, clen, _, _, err := unix.Recvmsg(child.Int(), buf, control, unix.MSG_CMSG_CLOEXEC)
		control = control[:max(clen, 0)]
		return n, err
	})
	switch {
	case err != nil:
		return nil, wrap("recvmsg", err)
	case n == recordSize:
		return nil, &os.PathError{Op: "find", Path: name, Err: unix.Errno(le32(buf[8:]))}
	case n != len(buf) && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case n != len(buf):
		return nil, fmt.Errorf("find %s: the forked child ended early: %w", name, ErrNoProcess)
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) != 1 {
		return nil, errors.Join(fmt.Errorf("find %s: no descriptor", name), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, errors.Join(fmt.Errorf("find %s: no descriptor", name), err)
	}
	st = *(*Stat)(unsafe.Pointer(&buf[0]))
	fs = *(*unix.Statfs_t)(unsafe.Pointer(&buf[unsafe.Sizeof(st)]))
	return &Found{NewFD(fds[0]), st, fs.Type}, nil
}

// leave ends a forked child. One that hangs is reaped whenever it ends.
func leave(child int) {
	_ = unix.Kill(child, unix.SIGKILL) // it has not been reaped: the number is still its own
	if pid, err := retry(func() (int, error) { return unix.Wait4(child, nil, unix.WNOHANG, nil) }); err == nil && pid == 0 {
		go func() { _, _ = Wait(child) }()
	}
}
