package linux

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	"golang.org/x/sys/unix"
)

// firstPlanFD is the least number of a descriptor that a plan refers to, so that 0 to errorFD are free for the child.
const firstPlanFD = 64

// step is one system call of a forked child.
type step struct {
	nr       uintptr
	args     [6]uintptr
	fork     bool
	optional bool
}

// Plan is a list of system calls that a forked child makes before it executes a program. Everything is allocated while
// planning; Fork runs it, once.
type Plan struct {
	clone cloneArgs
	steps []step
	names []string
	fds   []*FD
	keep  []any
	err   error
}

// NewPlan returns a plan whose first step puts the socket for errors in place.
func NewPlan() *Plan {
	p := &Plan{clone: cloneArgs{exitSignal: uint64(unix.SIGCHLD)}}
	p.call("dup3 error socket", unix.SYS_DUP3)
	return p
}

// Fail notes an error, which Fork returns instead of forking.
func (p *Plan) Fail(err error) { p.err = errors.Join(p.err, err) }

// release closes the plan's own descriptors.
func (p *Plan) release() {
	p.Fail(CloseAll(p.fds...))
	p.fds = nil
}

func (p *Plan) call(name string, nr uintptr, args ...uintptr) *step {
	s := step{nr: nr}
	copy(s.args[:], args)
	p.steps = append(p.steps, s)
	p.names = append(p.names, name)
	return &p.steps[len(p.steps)-1]
}

// use gives fd a number that the child's own descriptors do not collide with.
func (p *Plan) use(fd *FD) uintptr {
	dup, err := fd.dupAbove(firstPlanFD)
	if err != nil {
		p.Fail(err)
		return math.MaxUint32
	}
	p.fds = append(p.fds, dup)
	return uintptr(dup.Int())
}

func (fd *FD) dupAbove(least int) (*FD, error) {
	raw, err := unix.FcntlInt(uintptr(fd.Int()), unix.F_DUPFD_CLOEXEC, least)
	if err != nil {
		return nil, wrap("fcntl F_DUPFD_CLOEXEC", err)
	}
	return NewFD(raw), nil
}

// bytes keeps b alive until the plan is gone and returns its address.
func (p *Plan) bytes(b []byte) uintptr {
	p.keep = append(p.keep, b)
	return uintptr(unsafe.Pointer(&b[0]))
}

func (p *Plan) cstring(s string) uintptr {
	b, err := unix.ByteSliceFromString(s)
	if err != nil {
		p.Fail(fmt.Errorf("%.40q holds a NUL byte: %w", s, err))
		return 0
	}
	return p.bytes(b)
}

func (p *Plan) cstrings(list []string) uintptr {
	ptrs := make([]uintptr, len(list)+1)
	for i, s := range list {
		ptrs[i] = p.cstring(s)
	}
	p.keep = append(p.keep, ptrs)
	return uintptr(unsafe.Pointer(&ptrs[0]))
}

// JoinCgroup moves the child into the version 1 cgroup whose tasks file is open. A thread that moves itself alone does
// not wait for an RCU grace period, 5 to 10 ms, as a write to cgroup.procs does (kernel/cgroup/cgroup.c,
// cgroup_procs_write_start).
func (p *Plan) JoinCgroup(tasks *FD) {
	p.call("join the session's cgroup", unix.SYS_WRITE, p.use(tasks), p.bytes([]byte("0")), 1)
}

// InCgroup makes the child inside the version 2 cgroup whose directory is given (clone3(2), CLONE_INTO_CGROUP, Linux
// 5.7), for the same reason.
func (p *Plan) InCgroup(dir *FD) {
	p.clone.flags |= unix.CLONE_INTO_CGROUP
	p.clone.cgroup = uint64(p.use(dir))
}

// Setns joins the namespaces in flags, of the process or namespace behind fd.
func (p *Plan) Setns(what string, fd *FD, flags int) {
	p.call("join "+what+" namespace", unix.SYS_SETNS, p.use(fd), uintptr(flags))
}

// Chroot makes the directory fd root and working directory.
func (p *Plan) Chroot(fd *FD) {
	p.call("change to the root directory", unix.SYS_FCHDIR, p.use(fd))
	p.call("change root", unix.SYS_CHROOT, p.cstring("."))
}

// Chdir changes to a path; "/" is the one that can not lead elsewhere.
func (p *Plan) Chdir(path string) { p.call("chdir "+path, unix.SYS_CHDIR, p.cstring(path)) }

// Prctl plans prctl(2).
func (p *Plan) prctl(what string, args ...uintptr) *step {
	return p.call(what, unix.SYS_PRCTL, args...)
}

// NotDumpable keeps the child, which still has this process's memory, from being traced by its equals.
func (p *Plan) NotDumpable() { p.prctl("set not dumpable", unix.PR_SET_DUMPABLE, 0) }

// NoNewPrivs makes the child unable to gain privileges by executing a program (prctl(2)).
func (p *Plan) NoNewPrivs() { p.prctl("set no_new_privs", unix.PR_SET_NO_NEW_PRIVS, 1) }

// NewKeyring leaves this process's session keyring behind (session-keyring(7)); kernels without keys have none to leave.
func (p *Plan) NewKeyring() {
	p.call("start a session keyring", unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0).optional = true
}

// Umask sets the file mode creation mask.
func (p *Plan) Umask(mask int) { p.call("umask", unix.SYS_UMASK, uintptr(mask)) }

// Limit lowers a resource's soft limit; the hard one stays (getrlimit(2)).
func (p *Plan) Limit(resource int, soft uint64) {
	lim := &unix.Rlimit{}
	if err := unix.Getrlimit(resource, lim); err != nil {
		p.Fail(wrap("getrlimit", err))
	}
	lim.Cur = min(soft, lim.Max)
	p.keep = append(p.keep, lim)
	p.call("set a resource limit", unix.SYS_PRLIMIT64, 0, uintptr(resource), uintptr(unsafe.Pointer(lim)), 0)
}

// FileLimit is this process's own limit of open files.
func FileLimit() (uint64, error) {
	var lim unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim)
	return lim.Cur, wrap("getrlimit", err)
}

// Resource limits a session starts with.
const (
	LimitCore   = unix.RLIMIT_CORE
	LimitNofile = unix.RLIMIT_NOFILE
)

// Credentials gives up every privilege but these: bounding set first, since dropping it needs CAP_SETPCAP, then
// groups and IDs, then the process's own sets (capabilities(7)). IDs are those of the joined user namespace.
func (p *Plan) Credentials(uid, gid uint32, groups []uint32, keep CapSet) {
	for c := 0; c <= lastCap; c++ {
		if !keep.Has(c) {
			p.prctl(fmt.Sprintf("drop capability %d from the bounding set", c), unix.PR_CAPBSET_DROP, uintptr(c)).optional = c > unix.CAP_AUDIT_READ
		}
	}
	p.prctl("clear the ambient set", unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL).optional = true
	list := append([]uint32{}, groups...)
	p.keep = append(p.keep, list)
	p.call("set groups", unix.SYS_SETGROUPS, uintptr(len(list)), uintptr(unsafe.Pointer(unsafe.SliceData(list))))
	p.call(fmt.Sprintf("set group %d", gid), unix.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid))
	p.call(fmt.Sprintf("set user %d", uid), unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid))
	if uid != 0 {
		keep = 0 // setresuid has cleared them already (capabilities(7), "Effect of user ID changes")
	}
	p.capset(keep)
}

func (p *Plan) capset(keep CapSet) {
	hdr := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := &[2]unix.CapUserData{}
	for i := range data {
		part := uint32(keep >> (32 * i))
		data[i] = unix.CapUserData{Effective: part, Permitted: part}
	}
	p.keep = append(p.keep, hdr, data)
	p.call("set capabilities", unix.SYS_CAPSET, uintptr(unsafe.Pointer(hdr)), uintptr(unsafe.Pointer(data)))
}

// Files makes the descriptors 0, 1, 2 and 3 out of these and closes all others but the program's and the error socket.
// A nil status leaves 3 closed.
func (p *Plan) Files(stdin, stdout, stderr, status, program *FD) {
	for i, fd := range []*FD{stdin, stdout, stderr, status} {
		if fd == nil {
			p.call("close", unix.SYS_CLOSE, uintptr(i)).optional = true
			continue
		}
		p.call(fmt.Sprintf("dup3 to %d", i), unix.SYS_DUP3, p.use(fd), uintptr(i), 0)
	}
	p.call("dup3 program", unix.SYS_DUP3, p.use(program), programFD, unix.O_CLOEXEC)
	p.call("close_range", unix.SYS_CLOSE_RANGE, errorFD+1, math.MaxUint32, 0)
}

// NewSession takes the child out of this process's group and terminal (setsid(2)): what ends those does not end it.
func (p *Plan) NewSession() { p.call("start a session", unix.SYS_SETSID) }

// programFD is the descriptor that Exec executes.
const programFD = 4

// Clone makes the process that goes on with the plan: a sibling of the planning child, so that this process is its
// parent, and the first one inside the joined pid namespace. The planning child ends here, and has been reaped when the plan
// goes on.
func (p *Plan) Clone() {
	p.call("clone into the pid namespace", unix.SYS_CLONE, uintptr(unix.CLONE_PARENT|int(unix.SIGCHLD))).fork = true
	p.call("wait for the planning child's end", unix.SYS_READ, errorFD, p.bytes(make([]byte, 1)), 1)
}

// Exec executes the program that Files was given, with an empty signal mask.
func (p *Plan) Exec(argv, env []string) {
	mask := p.bytes(make([]byte, 8))
	p.call("clear the signal mask", unix.SYS_RT_SIGPROCMASK, uintptr(unix.SIG_SETMASK), mask, 0, 8)
	p.call("execute", unix.SYS_EXECVEAT, programFD, p.cstring(""), p.cstrings(argv), p.cstrings(env), unix.AT_EMPTY_PATH)
}
