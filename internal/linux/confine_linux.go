package linux

import (
	"errors"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Confine leaves all threads of the process what they need to compute, to read and
// write open files, and to end. They get no privileges, no file system (Landlock,
// from Linux 5.13 on), and only listed system calls, until the process ends. Other
// calls are ErrPerm; one of another architecture kills it.
//
// A program with cgo gets ErrNotSupported: Go does not know all of its threads.
func Confine() error { return ConfineWithout("") }

// Steps of Confine.
const (
	LandlockStep = "landlock"
	SeccompStep  = "seccomp"
)

var confineSteps = []struct {
	name string
	take func() error
}{{LandlockStep, restrictFiles}, {SeccompStep, filterCalls}}

// ConfineWithout is Confine without one step. Each step forbids what the other does, so a test
// needs this to tell that both are taken.
func ConfineWithout(step string) error {
	runtime.LockOSThread() // seccomp(2): the filter is synchronized from the thread that has no_new_privs
	defer runtime.UnlockOSThread()
	// A container that shares the host's processes may be the same user. Nobody of that user
	// reaches what this process has open, or its root directory, through /proc (ptrace(2), "Ptrace
	// access mode checking"). Until here it has capabilities, or has not begun to read.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return wrap("prctl PR_SET_DUMPABLE", err)
	}
	if err := GiveUp(0); err != nil { // who is root of a user namespace may be no other user
		return err
	}
	for _, s := range confineSteps {
		if s.name == step {
			continue
		}
		if err := s.take(); err != nil {
			return err
		}
	}
	return nil
}

// ErrNotSupported is ENOTSUP.
var ErrNotSupported error = unix.ENOTSUP

// onAllThreads makes a call on every thread; those to come inherit what it sets.
func onAllThreads(call, a, b uintptr) error {
	if _, _, errno := syscall.AllThreadsSyscall6(call, a, b, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// restrictFiles takes every right away that Landlock knows of, by a rule set without a rule. Where
// the kernel has no Landlock, the list of calls is what is left.
func restrictFiles() error {
	abi, err := LandlockABI()
	if err != nil || abi == 0 {
		return err
	}
	rights := landlockRights(abi)
	raw, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rights)), unsafe.Sizeof(rights), 0)
	if errno != 0 {
		return wrap("landlock_create_ruleset", errno)
	}
	fd := NewFD(int(raw))
	defer fd.Close()
	return wrap("landlock_restrict_self", onAllThreads(unix.SYS_LANDLOCK_RESTRICT_SELF, raw, 0))
}

// LandlockABI is the version of Landlock that the kernel has, 0 for none (landlock(7)).
func LandlockABI() (int, error) {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch errno {
	case 0:
		return int(abi), nil
	case unix.ENOSYS, unix.EOPNOTSUPP, unix.EPERM:
		return 0, nil // not there, switched off, or kept away by a filter that is there already
	}
	return 0, wrap("landlock_create_ruleset", errno)
}

// landlockRights are those that an ABI knows (landlock(7)).
func landlockRights(abi int) (r unix.LandlockRulesetAttr) {
	const files = 13 // of ABI 1
	bits := files
	for _, since := range []int{2, 3, 5} { // REFER, TRUNCATE, IOCTL_DEV
		if abi >= since {
			bits++
		}
	}
	r.Handled_access_fs = 1<<bits - 1
	if abi >= 4 {
		r.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if abi >= 6 {
		r.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return r
}

// Calls of Go's runtime (internal/runtime/syscall and runtime/os_linux.go), and of reading and
// writing.
var confinedCalls = append([]int{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_CLOSE, unix.SYS_FSTAT, unix.SYS_LSEEK,
	unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_BRK,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_RESTART_SYSCALL,
	unix.SYS_FUTEX, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_GETTID, unix.SYS_GETPID, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY, unix.SYS_GETRANDOM,
	unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_CREATE1, unix.SYS_EVENTFD2, unix.SYS_PPOLL, unix.SYS_FCNTL,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}, oldCalls...)

// limitedCalls are those of which some bits of an argument have to be as wanted.
var limitedCalls = []struct{ call, argument, mask, want int }{
	{unix.SYS_MMAP, 2, unix.PROT_EXEC, 0},
	{unix.SYS_MPROTECT, 2, unix.PROT_EXEC, 0},
	{unix.SYS_CLONE, 0, unix.CLONE_THREAD, unix.CLONE_THREAD},
}

// filterCalls has the kernel refuse all other calls, on all threads.
func filterCalls() error {
	raw, err := bpf.Assemble(confinement(unix.Getpid()))
	if err != nil {
		return err
	}
	prog := sockFprog(raw)
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(prog)))
	if errno == 0 && thread != 0 {
		return wrap("seccomp", errors.New("a thread has a filter of its own"))
	}
	if errno != 0 {
		return wrap("seccomp", errno)
	}
	return nil
}

// confinement is the filter's program (seccomp(2)).
func confinement(pid int) []bpf.Instruction {
	allow, refuse := bpf.RetConstant{Val: SeccompAllow}, bpf.RetConstant{Val: SeccompErrno | uint32(unix.EPERM)}
	p := []bpf.Instruction{
		bpf.LoadAbsolute{Off: SeccompArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		bpf.RetConstant{Val: SeccompKill},
		bpf.LoadAbsolute{Off: SeccompCall, Size: 4},
	}
	for _, call := range confinedCalls {
		p = append(p, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(call), SkipTrue: 1}, allow)
	}
	for _, l := range limitedCalls {
		p = append(p, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(l.call), SkipTrue: 5},
			bpf.LoadAbsolute{Off: uint32(SeccompArguments + 8*l.argument), Size: 4},
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: uint32(l.mask)},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(l.want), SkipTrue: 1}, allow, refuse)
	}
	// Go's runtime interrupts its own threads with signals.
	return append(p, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_TGKILL, SkipTrue: 3},
		bpf.LoadAbsolute{Off: SeccompArguments, Size: 4}, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(pid), SkipTrue: 1}, allow,
		// clone3(2) hides its flags from filters; Go and libc take clone(2) where it is not there.
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CLONE3, SkipTrue: 1}, bpf.RetConstant{Val: SeccompErrno | uint32(unix.ENOSYS)},
		refuse)
}

// LimitMemory bounds the process's private writable memory, in bytes, and its core file to none
// (setrlimit(2)). Who asks for more gets an error, and a Go program ends.
func LimitMemory(bytes uint64) error {
	for resource, limit := range map[int]uint64{unix.RLIMIT_DATA: bytes, unix.RLIMIT_CORE: 0} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return wrap("setrlimit", err)
		}
	}
	return nil
}
