package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"dlx/internal/failpoint"
)

// Plan is a list of system calls that a forked child makes before it executes a program. It is
// data. Fork runs it in a child of this process. Send has another process run it, which has nothing
// of this one's memory.
type Plan struct {
	steps  []planStep
	names  []string
	memory []byte // what pointers among the arguments lead to
	links  []int  // places in memory that hold an offset in it, and become its address
	fds    []*FD  // those that steps refer to
	owned  []*FD  // of them, those that the plan closes
	cgroup int    // an index in fds, plus 1
	err    error
}

// planStep is one system call.
type planStep struct {
	nr       uintptr
	args     [6]planArg
	fork     bool
	optional bool
}

// planArg is an argument that may not be known yet.
type planArg struct {
	kind  argKind
	value uint64
}

type argKind uint64

const (
	argValue  argKind = iota // a number
	argMemory                // an offset in the plan's memory
	argFile                  // an index in its descriptors
	argLast                  // what the step before has returned
)

func val[T ~int | ~uintptr | ~uint32 | ~uint64](v T) planArg { return planArg{argValue, uint64(v)} }

// lastResult is what the step before has returned.
func lastResult() planArg { return planArg{kind: argLast} }

// NewPlan returns a plan whose first step puts the socket for errors in place; forking fills it in.
func NewPlan() *Plan {
	p := &Plan{}
	p.call("dup3 error socket", unix.SYS_DUP3, val(0), val(errorFD), val(unix.O_CLOEXEC))
	return p
}

// Fail notes an error, which Fork returns instead of forking.
func (p *Plan) Fail(err error) { p.err = errors.Join(p.err, err) }

func (p *Plan) call(name string, nr uintptr, args ...planArg) *planStep {
	if failpoint.On && len(p.steps) > 0 { // the first one is filled in when the child is forked
		p.fail(name)
	}
	return p.add(name, nr, args...)
}

func (p *Plan) add(name string, nr uintptr, args ...planArg) *planStep {
	s := planStep{nr: nr}
	copy(s.args[:], args)
	p.steps = append(p.steps, s)
	p.names = append(p.names, name)
	return &p.steps[len(p.steps)-1]
}

// use is a descriptor of the caller's, which has to stay open until the plan is run.
func (p *Plan) use(fd *FD) planArg {
	p.fds = append(p.fds, fd)
	return planArg{argFile, uint64(len(p.fds) - 1)}
}

// Own hands a descriptor to the plan, which closes it once it was run.
func (p *Plan) Own(fd *FD) { p.owned = append(p.owned, fd) }

func (p *Plan) release() error { return CloseAll(p.owned...) }

// wordSize is that of a pointer on every architecture that dlx runs on.
const wordSize = 8

// bytes keeps b in the plan's memory.
func (p *Plan) bytes(b []byte) planArg {
	for len(p.memory)%wordSize != 0 {
		p.memory = append(p.memory, 0)
	}
	at := len(p.memory)
	p.memory = append(p.memory, b...)
	return planArg{argMemory, uint64(at)}
}

// words keeps numbers there; each of links is one that is an offset in the memory itself.
func (p *Plan) words(list []uint64, links ...int) planArg {
	var b []byte
	for _, w := range list {
		b = binary.NativeEndian.AppendUint64(b, w)
	}
	at := p.bytes(b)
	for _, i := range links {
		p.links = append(p.links, int(at.value)+i*wordSize)
	}
	return at
}

func (p *Plan) cstring(s string) planArg {
	b, err := unix.ByteSliceFromString(s)
	if err != nil {
		p.Fail(fmt.Errorf("%.40q holds a NUL byte: %w", s, err))
		return planArg{}
	}
	return p.bytes(b)
}

func (p *Plan) cstrings(list []string) planArg {
	ptrs, links := make([]uint64, len(list)+1), make([]int, len(list))
	for i, s := range list {
		ptrs[i], links[i] = p.cstring(s).value, i
	}
	return p.words(ptrs, links...)
}

// JoinCgroup moves the child into the version 1 cgroup whose tasks file is open.
// A write to cgroup.procs waits 5 to 10 ms, an RCU grace period; a thread that
// moves only itself does not (kernel/cgroup/cgroup.c, cgroup_procs_write_start).
func (p *Plan) JoinCgroup(tasks *FD) {
	p.call("join the session's cgroup", unix.SYS_WRITE, p.use(tasks), p.bytes([]byte("0")), val(1))
}

// InCgroup makes the child inside the version 2 cgroup whose directory is given (clone3(2),
// CLONE_INTO_CGROUP, Linux
// 5.7), for the same reason.
func (p *Plan) InCgroup(dir *FD) {
	p.use(dir)
	p.cgroup = len(p.fds)
}

// Setns joins the namespaces in flags, of the process or namespace behind fd.
func (p *Plan) Setns(what string, fd *FD, flags int) {
	p.call("join "+what+" namespace", unix.SYS_SETNS, p.use(fd), val(flags))
}

// Chroot makes the directory fd root and working directory.
func (p *Plan) Chroot(fd *FD) {
	p.call("change to the root directory", unix.SYS_FCHDIR, p.use(fd))
	p.call("change root", unix.SYS_CHROOT, p.cstring("."))
}

// Chdir changes to a path; "/" is the one that can not lead elsewhere.
func (p *Plan) Chdir(path string) { p.call("chdir "+path, unix.SYS_CHDIR, p.cstring(path)) }

// Prctl plans prctl(2).
func (p *Plan) prctl(what string, args ...planArg) *planStep {
	return p.call(what, unix.SYS_PRCTL, args...)
}

// NotDumpable keeps the child, which still has this process's memory, from being traced by its
// equals.
func (p *Plan) NotDumpable() { p.prctl("set not dumpable", val(unix.PR_SET_DUMPABLE), val(0)) }

// NoNewPrivs makes the child unable to gain privileges by executing a program (prctl(2)).
func (p *Plan) NoNewPrivs() { p.prctl("set no_new_privs", val(unix.PR_SET_NO_NEW_PRIVS), val(1)) }

// NewKeyring leaves this process's session keyring behind (session-keyring(7)); kernels without
// keys have none to leave.
func (p *Plan) NewKeyring() {
	p.call("start a session keyring", unix.SYS_KEYCTL, val(unix.KEYCTL_JOIN_SESSION_KEYRING), val(0)).optional = true
}

// Umask sets the file mode creation mask.
func (p *Plan) Umask(mask int) { p.call("umask", unix.SYS_UMASK, val(mask)) }

// Limit sets a resource's limits (getrlimit(2)).
func (p *Plan) Limit(l Limit) {
	p.call("set a resource limit", unix.SYS_PRLIMIT64, val(0), val(l.Resource), p.words([]uint64{l.Soft, l.Hard}), val(0))
}

// WriteOwn writes to a file of the child's own directory in proc, the host's /proc, such as
// "oom_score_adj".
func (p *Plan) WriteOwn(proc *FD, name, data string) {
	p.call("open "+name, unix.SYS_OPENAT, p.use(proc), p.cstring("self/"+name), val(unix.O_WRONLY|unix.O_CLOEXEC), val(0))
	p.call(fmt.Sprintf("write %q to %s", data, name), unix.SYS_WRITE, lastResult(), p.bytes([]byte(data)), val(len(data)))
}

// Filter puts a filter of system calls in force (seccomp(2)), under which the rest of the plan has
// to do. It takes no_new_privs.
func (p *Plan) Filter(program SeccompProgram) {
	var b []byte
	for _, ins := range program {
		b = binary.NativeEndian.AppendUint16(b, ins.Op)
		b = append(b, ins.Jt, ins.Jf)
		b = binary.NativeEndian.AppendUint32(b, ins.K)
	}
	fprog := p.words([]uint64{uint64(len(program)), p.bytes(b).value}, 1)
	p.call("install a seccomp filter", unix.SYS_SECCOMP, val(unix.SECCOMP_SET_MODE_FILTER), val(0), fprog)
}

// FileLimit is this process's own limit of open files.
func FileLimit() (uint64, error) {
	var lim unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim)
	return lim.Cur, wrap("getrlimit", err)
}

// Groups sets the supplementary groups, in numbers of the user namespace that the plan has come to.
func (p *Plan) Groups(groups []uint32) {
	var list []byte
	for _, g := range groups {
		list = binary.NativeEndian.AppendUint32(list, g)
	}
	p.call("set groups", unix.SYS_SETGROUPS, val(len(groups)), p.bytes(list))
}

// Credentials gives up every privilege but these: bounding set first, since dropping it needs
// CAP_SETPCAP, then IDs, then the process's own sets (capabilities(7)). IDs are those of the joined
// user namespace.
func (p *Plan) Credentials(uid, gid uint32, keep CapSet) {
	for c := 0; c <= lastCap; c++ {
		if !keep.Has(c) {
			p.prctl(fmt.Sprintf("drop capability %d from the bounding set", c), val(unix.PR_CAPBSET_DROP), val(c)).optional = c > unix.CAP_AUDIT_READ
		}
	}
	p.prctl("clear the ambient set", val(unix.PR_CAP_AMBIENT), val(unix.PR_CAP_AMBIENT_CLEAR_ALL)).optional = true
	p.call(fmt.Sprintf("set group %d", gid), unix.SYS_SETRESGID, val(gid), val(gid), val(gid))
	p.call(fmt.Sprintf("set user %d", uid), unix.SYS_SETRESUID, val(uid), val(uid), val(uid))
	if uid != 0 {
		keep = 0 // setresuid has cleared them already (capabilities(7), "Effect of user ID changes")
	}
	p.capset(keep)
}

// capset sets the effective and the permitted set, and clears the inheritable one (capset(2)).
func (p *Plan) capset(keep CapSet) {
	header := binary.NativeEndian.AppendUint32(nil, unix.LINUX_CAPABILITY_VERSION_3)
	header = append(header, 0, 0, 0, 0) // this very process
	low, high := uint32(keep), uint32(keep>>32)
	var data []byte
	for _, part := range []uint32{low, low, 0, high, high, 0} {
		data = binary.NativeEndian.AppendUint32(data, part)
	}
	p.call("set capabilities", unix.SYS_CAPSET, p.bytes(header), p.bytes(data))
}

// Files makes the descriptors 0, 1, 2 and 3 out of these and closes all others but the program's
// and the error socket. A nil status leaves 3 closed.
func (p *Plan) Files(stdin, stdout, stderr, status, program *FD) {
	for i, fd := range []*FD{stdin, stdout, stderr, status} {
		if fd == nil {
			p.call("close", unix.SYS_CLOSE, val(i)).optional = true
			continue
		}
		p.call(fmt.Sprintf("dup3 to %d", i), unix.SYS_DUP3, p.use(fd), val(i), val(0))
	}
	p.call("dup3 program", unix.SYS_DUP3, p.use(program), val(programFD), val(unix.O_CLOEXEC))
	p.call("close_range", unix.SYS_CLOSE_RANGE, val(errorFD+1), val(math.MaxUint32), val(0))
}

// NewSession takes the child out of this process's group and terminal (setsid(2)): what ends those
// does not end it.
func (p *Plan) NewSession() { p.call("start a session", unix.SYS_SETSID) }

// programFD is the descriptor that Exec executes.
const programFD = 4

// Clone makes the process that goes on with the plan. It is a sibling of the planning child, so
// this process is its parent, and the first one in the joined pid namespace. The planning child
// ends here, and has been reaped when the plan goes on.
func (p *Plan) Clone() {
	p.call("clone into the pid namespace", unix.SYS_CLONE, val(unix.CLONE_PARENT|int(unix.SIGCHLD))).fork = true
	p.call("wait for the planning child's end", unix.SYS_READ, val(errorFD), p.bytes(make([]byte, 1)), val(1))
}

// ClearSignals empties the signal mask.
func (p *Plan) ClearSignals() {
	p.call("clear the signal mask", unix.SYS_RT_SIGPROCMASK, val(unix.SIG_SETMASK), p.bytes(make([]byte, 8)), val(0), val(8))
}

// Exec executes the program that Files was given.
func (p *Plan) Exec(argv, env []string) {
	p.call("execute", unix.SYS_EXECVEAT, val(programFD), p.cstring(""), p.cstrings(argv), p.cstrings(env), val(unix.AT_EMPTY_PATH))
}
