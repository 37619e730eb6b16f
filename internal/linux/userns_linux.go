package linux

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// initialUserNS is the inode of the initial user namespace (PROC_USER_INIT_INO in the kernel's
// linux/proc_ns.h).
const initialUserNS = 0xeffffffd

// InitialUserNS says whether this process is in the initial user namespace, where capabilities hold
// for the machine. A kernel without user namespaces has that one alone.
func InitialUserNS() bool {
	var st unix.Stat_t
	err := unix.Stat("/proc/self/ns/user", &st)
	return err != nil || st.Ino == initialUserNS
}

// OuterUser is the user that this process's user 0 is outside of its user namespace.
func OuterUser() (uid int, err error) {
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return 0, err
	}
	var inside, count int
	if _, err := fmt.Sscan(string(text), &inside, &uid, &count); err != nil || inside != 0 {
		return 0, errors.Join(errors.New("uid_map does not begin with user 0"), err)
	}
	return uid, nil
}

// ParentUserNS is the user namespace that one was made in (ioctl_ns(2), NS_GET_PARENT; Linux 4.9).
// One that is not the caller's nor below it is ErrPerm.
func ParentUserNS(ns *FD) (*FD, error) { return relatedNS(ns, unix.NS_GET_PARENT, "NS_GET_PARENT") }

// UserNSOf is the user namespace that a namespace of another kind belongs to (ioctl_ns(2),
// NS_GET_USERNS).
func UserNSOf(ns *FD) (*FD, error) { return relatedNS(ns, unix.NS_GET_USERNS, "NS_GET_USERNS") }

func relatedNS(ns *FD, request uint, name string) (*FD, error) {
	raw, err := unix.IoctlRetInt(ns.Int(), request)
	if err != nil {
		return nil, wrap("ioctl "+name, err)
	}
	return NewFD(raw), nil
}

// UnshareMounts gives the child a mount namespace of its own, which belongs to the user namespace
// that the plan has come to.
func (p *Plan) UnshareMounts() {
	p.call("make a mount namespace", unix.SYS_UNSHARE, val(unix.CLONE_NEWNS))
}

// Become makes the child a user and group of the user namespace that the plan has come to. It keeps
// the capabilities that joining has brought.
func (p *Plan) Become(uid, gid uint32) {
	p.call(fmt.Sprintf("set group %d", gid), unix.SYS_SETRESGID, val(gid), val(gid), val(gid))
	p.call(fmt.Sprintf("set user %d", uid), unix.SYS_SETRESUID, val(uid), val(uid), val(uid))
}

// TryChdir changes to a path, if there is one.
func (p *Plan) TryChdir(path string) {
	p.call("chdir "+path, unix.SYS_CHDIR, p.cstring(path)).optional = true
}

// EndWithParent has the kernel send the child a signal when the thread ends that it was forked from
// (prctl(2), PR_SET_PDEATHSIG). Changing IDs clears that.
func (p *Plan) EndWithParent(sig Signal) {
	p.prctl("end with the parent", val(unix.PR_SET_PDEATHSIG), val(int(sig)))
}
