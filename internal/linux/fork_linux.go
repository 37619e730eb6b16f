package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"dlx/internal/failpoint"
)

// A Go program can not join a user namespace from its own threads (user_namespaces(7): setns wants
// a single-threaded process), nor by executing itself again, since the runtime starts threads
// first. A forked child has one thread. Until it executes something it may only make raw system
// calls: no allocation, no stack growth, no scheduler. The runtime offers these three hooks to
// package syscall and keeps them for packages that fork for themselves (go.dev/issue/67401).

//go:linkname runtimeBeforeFork syscall.runtime_BeforeFork
func runtimeBeforeFork()

//go:linkname runtimeAfterFork syscall.runtime_AfterFork
func runtimeAfterFork()

//go:linkname runtimeAfterForkInChild syscall.runtime_AfterForkInChild
func runtimeAfterForkInChild()

// errorFD is a socket on which the child reports errors.
// It is close-on-exec: its end means success.
const errorFD = 5

// What a record on errorFD says.
const (
	recordForked = 1 // the middle process made the last one: value is its PID
	recordFailed = 2 // step number value failed with errno
)

// cloneArgs is struct clone_args (clone3(2)).
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// record is what the child writes. One message on a SOCK_SEQPACKET socket arrives whole (unix(7)).
type record struct{ kind, value, errno int32 }

const recordSize = 12

// StepError is a system call that failed in the forked child.
type StepError struct {
	Step string // what was attempted
	Err  error  // the errno
}

func (e *StepError) Error() string { return e.Step + ": " + e.Err.Error() }
func (e *StepError) Unwrap() error { return e.Err }

// ErrNotExecuted reports that everything was in place, and the program could not be executed.
var ErrNotExecuted = errors.New("the program was not executed")

// failure is a step that failed, by its number.
type failure struct {
	step  int
	errno unix.Errno
}

// step is one system call as the forked child makes it.
type step struct {
	nr       uintptr
	args     [6]uintptr
	last     int // the argument, counted from 1, that is what the step before has returned; 0: none
	fork     bool
	optional bool
}

// image is a plan in this process's memory, ready to be run once.
type image struct {
	clone  cloneArgs
	steps  []step
	memory []byte
	fds    []*FD // the image's own
}

// firstPlanFD is the least descriptor that a plan refers to.
// Those from 0 to errorFD are the child's.
const firstPlanFD = 64

// load makes an image, once: it takes the plan's memory. The descriptors stay the caller's.
func (p *Plan) load() (*image, error) {
	i := &image{clone: cloneArgs{exitSignal: uint64(unix.SIGCHLD)}, memory: p.memory, steps: make([]step, len(p.steps))}
	for _, fd := range p.fds {
		dup, err := fd.dupAbove(firstPlanFD)
		if err != nil {
			return nil, errors.Join(err, i.close())
		}
		i.fds = append(i.fds, dup)
	}
	base := uintptr(unsafe.Pointer(unsafe.SliceData(i.memory)))
	for _, at := range p.links {
		b := i.memory[at : at+wordSize]
		binary.NativeEndian.PutUint64(b, uint64(base)+binary.NativeEndian.Uint64(b))
	}
	for k, from := range p.steps {
		s := &i.steps[k]
		s.nr, s.fork, s.optional = from.nr, from.fork, from.optional
		for n, arg := range from.args {
			switch arg.kind {
			case argValue:
				s.args[n] = uintptr(arg.value)
			case argMemory:
				s.args[n] = base + uintptr(arg.value)
			case argFile:
				s.args[n] = uintptr(i.fds[arg.value].Int())
			case argLast:
				s.last = n + 1
			}
		}
	}
	if p.cgroup > 0 {
		i.clone.flags |= unix.CLONE_INTO_CGROUP
		i.clone.cgroup = uint64(i.fds[p.cgroup-1].Int())
	}
	return i, nil
}

func (i *image) close() error { return CloseAll(i.fds...) }

func (fd *FD) dupAbove(least int) (*FD, error) {
	raw, err := unix.FcntlInt(uintptr(fd.Int()), unix.F_DUPFD_CLOEXEC, least)
	if err != nil {
		return nil, wrap("fcntl F_DUPFD_CLOEXEC", err)
	}
	return NewFD(raw), nil
}

// Fork runs the plan in a forked child. It returns the PID, as this process sees it, of the process
// that Exec made: a child of this one. A step that fails is a *StepError, and no process is left.
func (p *Plan) Fork() (pid int, err error) {
	pid, failed, err := p.fork()
	err = errors.Join(err, p.release())
	if failed != nil {
		err = p.stepError(failed)
	}
	return pid, err
}

func (p *Plan) stepError(f *failure) error {
	if f.step < 0 || f.step >= len(p.names) {
		return fmt.Errorf("step %d of the forked child: %w", f.step, f.errno)
	}
	err := error(&StepError{p.names[f.step], f.errno})
	if f.step == len(p.names)-1 { // the one that executes
		err = fmt.Errorf("%w: %w", ErrNotExecuted, err)
	}
	return err
}

// start forks the child that makes the calls, and closes the socket that it tells of errors on.
//
//go:norace
func (i *image) start(errors *FD) (child int, err error) {
	high, err := errors.dupAbove(firstPlanFD)
	errors.Close()
	if err != nil {
		return 0, err
	}
	i.steps[0].args[0] = uintptr(high.Int())
	child, errno := forkPlan(&i.clone, &i.steps[0], uintptr(len(i.steps)), new(record))
	high.Close()
	runtime.KeepAlive(i)
	if errno != 0 {
		return 0, wrap("fork", errno)
	}
	return child, nil
}

//go:norace
func (p *Plan) fork() (pid int, failed *failure, err error) {
	if p.err != nil {
		return 0, nil, p.err
	}
	i, err := p.load()
	if err != nil {
		return 0, nil, err
	}
	defer i.close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, wrap("socketpair", err)
	}
	ours, theirs := NewFD(pair[0]), NewFD(pair[1])
	defer ours.Close()
	middle, err := i.start(theirs)
	if err != nil {
		return 0, nil, err
	}
	failpoint.At("plan.middle")
	return collect(ours, middle)
}

// collect reads what the child reports, reaps the middle process, and the last one too if it
// failed. The last one waits for the middle one to be gone, which counts in its cgroup until then.
func collect(child *FD, middle int) (last int, failed *failure, err error) {
	reap := sync.OnceValues(func() (WaitStatus, error) { return Wait(middle) })
	for buf := make([]byte, recordSize); ; {
		n, err := retry(func() (int, error) { return unix.Read(child.Int(), buf) })
		if err != nil || n != recordSize {
			break
		}
		kind, value, errno := le32(buf[0:]), le32(buf[4:]), le32(buf[8:])
		switch kind {
		case recordForked:
			last = value
			_, _ = reap()
			failpoint.At("plan.last")
			_, _ = retry(func() (int, error) { return unix.Write(child.Int(), []byte{0}) }) // one that has died says so by the socket's end
		case recordFailed:
			failed = &failure{value, unix.Errno(errno)}
		}
	}
	ws, err := reap()
	if failed == nil && (err != nil || last == 0) {
		return 0, nil, fmt.Errorf("the forked child ended early (status %#x): %w", int(ws), errors.Join(err, ErrNoProcess))
	}
	if failed != nil && last != 0 {
		_, err = Wait(last)
	}
	if failed != nil {
		last = 0
	}
	return last, failed, err
}

func le32(b []byte) int { return int(int32(binary.NativeEndian.Uint32(b))) }

// forkPlan forks; the parent returns, the child never does.
//
//go:noinline
//go:norace
//go:nocheckptr
func forkPlan(args *cloneArgs, steps *step, n uintptr, rec *record) (int, syscall.Errno) {
	runtimeBeforeFork()
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE3, uintptr(unsafe.Pointer(args)), unsafe.Sizeof(*args), 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		runtimeAfterForkInChild()
		runPlan(steps, n, rec)
	}
	runtimeAfterFork()
	return int(pid), errno
}

// runPlan makes the planned calls in order. At a fork step the parent reports the new PID and ends.
//
//go:noinline
//go:norace
//go:nosplit
//go:nocheckptr
func runPlan(steps *step, n uintptr, rec *record) {
	last := uintptr(0)
	for i := range n {
		s := (*step)(unsafe.Add(unsafe.Pointer(steps), i*unsafe.Sizeof(step{})))
		if s.last > 0 {
			*(*uintptr)(unsafe.Add(unsafe.Pointer(&s.args), uintptr(s.last-1)*unsafe.Sizeof(uintptr(0)))) = last
		}
		r, _, errno := syscall.RawSyscall6(s.nr, s.args[0], s.args[1], s.args[2], s.args[3], s.args[4], s.args[5])
		last = r
		switch {
		case errno != 0 && !s.optional:
			rec.kind, rec.value, rec.errno = recordFailed, int32(i), int32(errno)
		case s.fork && r != 0:
			rec.kind, rec.value = recordForked, int32(r)
		default:
			continue
		}
		_, _, _ = syscall.RawSyscall6(unix.SYS_WRITE, errorFD, uintptr(unsafe.Pointer(rec)), recordSize, 0, 0, 0)
		for {
			_, _, _ = syscall.RawSyscall6(unix.SYS_EXIT_GROUP, 127, 0, 0, 0, 0, 0)
		}
	}
	for {
		_, _, _ = syscall.RawSyscall6(unix.SYS_EXIT_GROUP, 127, 0, 0, 0, 0, 0)
	}
}
