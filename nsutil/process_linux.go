package nsutil

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"dlx/internal/linux"
	"dlx/internal/rootfs"
)

// ErrGone reports that the process has ended.
var ErrGone = errors.New("process has ended")

// ErrTooLong reports a file that is longer than it may be.
var ErrTooLong = errors.New("too long")

// Process is a process held by a pidfd and by its /proc/PID directory, so that a reused PID can
// never be mistaken for it. It has one owner, who closes it.
type Process struct {
	pid   int
	pidfd *linux.FD
	proc  *linux.FD
	set   Set
	trace *linux.Trace // of one that is traced
}

// Open takes hold of a process. The host's /proc is checked to be a proc file system. A process
// that is not there, or ends meanwhile, is ErrGone.
func Open(pid int) (*Process, error) {
	if pid <= 0 {
		return nil, fmt.Errorf("open process %d: %w", pid, ErrGone)
	}
	p := &Process{pid: pid}
	if err := p.open(); err != nil {
		p.Close()
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	return p, nil
}

func (p *Process) open() (err error) {
	if p.pidfd, err = linux.PidfdOpen(p.pid); err != nil {
		return gone(err)
	}
	if p.proc, err = procDir(strconv.Itoa(p.pid)); err != nil {
		return gone(err)
	}
	if p.set, err = readSet(p.proc); err != nil {
		return gone(err)
	}
	// The directory was opened by number. The process is still there, so the number was still its
	// own.
	return p.Alive()
}

// procDir opens an entry of the host's /proc, which must be one.
func procDir(name string) (*linux.FD, error) {
	root, err := linux.OpenPath("/proc")
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if magic, err := linux.Magic(root); err != nil || magic != linux.MagicProc {
		return nil, errors.Join(errors.New("/proc is not a proc file system"), err)
	}
	return linux.OpenPathAt(root, name)
}

// gone turns the errors by which the kernel says "no such process" into ErrGone.
func gone(err error) error {
	if errors.Is(err, linux.ErrNoProcess) || errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return err
}

// PID is the process's number in the host's pid namespace, for people; handle the process through
// its other methods.
func (p *Process) PID() int { return p.pid }

// Namespaces are the process's namespaces when it was opened.
func (p *Process) Namespaces() Set { return p.set }

// Differing returns the types in which the process's namespaces are not those of the calling
// thread.
func (p *Process) Differing() (Type, error) {
	own, err := Own()
	if err != nil {
		return 0, err
	}
	return p.set.Differing(own), nil
}

// Alive returns ErrGone once the process has ended. One that may get no signals from the caller is
// there (kill(2), ERRORS).
func (p *Process) Alive() error {
	err := gone(linux.PidfdSignal(p.pidfd, 0))
	if errors.Is(err, linux.ErrPerm) {
		return nil
	}
	return err
}

// Wait returns nil when the process has ended, or ctx's error.
func (p *Process) Wait(ctx context.Context) error { return linux.PidfdWait(ctx, p.pidfd) }

// ReadFile reads a file of the process's /proc directory, such as "cgroup", up to limit bytes; a
// longer one is an error.
func (p *Process) ReadFile(name string, limit int64) ([]byte, error) {
	fd, err := linux.OpenAt(p.proc, name)
	if err != nil {
		return nil, gone(err)
	}
	f := fd.File("/proc/" + strconv.Itoa(p.pid) + "/" + name)
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, gone(err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: %w: more than %d bytes", f.Name(), ErrTooLong, limit)
	}
	return data, nil
}

// maxCgroups bounds /proc/PID/cgroup: a line for each hierarchy, with a path of at most 4 KiB.
const maxCgroups = 256 << 10

// Cgroups are the process's, as /proc/PID/cgroup has them (cgroups(7)).
func (p *Process) Cgroups() ([]byte, error) { return p.ReadFile("cgroup", maxCgroups) }

// Root opens the process's root directory.
func (p *Process) Root() (*linux.FD, error) {
	fd, err := linux.OpenPathAt(p.proc, "root")
	return fd, gone(err)
}

// mountinfoLimit is enough for thousands of mounts.
const mountinfoLimit = 4 << 20

// Files is the process's root directory, to find and read files in. Its owner closes it.
func (p *Process) Files() (*rootfs.Root, error) {
	root, err := p.Root()
	if err != nil {
		return nil, err
	}
	mountinfo, err := p.ReadFile("mountinfo", mountinfoLimit)
	if err != nil && !errors.Is(err, ErrTooLong) { // then it is not known what answers
		return nil, errors.Join(err, root.Close())
	}
	return rootfs.NewRoot(root, mountinfo), nil
}

// RootID returns the device and inode of the process's root directory.
func (p *Process) RootID() (dev, ino uint64, err error) {
	st, err := linux.StatAtFollow(p.proc, "root")
	return st.Dev, st.Ino, gone(err)
}

// SharesFiles says whether the process sees the files that the calling thread sees: in the same
// mount namespace, with the same root.
func (p *Process) SharesFiles() (bool, error) {
	differ, err := p.Differing()
	if err != nil || differ&Mnt != 0 {
		return false, err
	}
	dev, ino, err := p.RootID()
	if err != nil {
		return false, err
	}
	root, err := linux.OpenPath("/")
	if err != nil {
		return false, err
	}
	defer root.Close()
	st, err := linux.Fstat(root)
	return st.Dev == dev && st.Ino == ino, err
}

// FindProgram is the first of some paths at which the process's root has an executable regular
// file, "" without any. Links are followed as the process would follow them, and never out of its
// root. What can not be found out before ctx ends is not there.
func (p *Process) FindProgram(ctx context.Context, paths []string) string {
	root, err := p.Files()
	if err != nil {
		return ""
	}
	defer root.Close()
	for _, path := range paths {
		file, err := rootfs.Find(ctx, root, path)
		if err != nil {
			continue
		}
		mode := file.Stat.Mode
		if file.Close() == nil && mode&0o111 != 0 {
			return path
		}
	}
	return ""
}

// MountNamespace opens the process's mount namespace, for Spec.
func (p *Process) MountNamespace() (*linux.FD, error) {
	fd, err := linux.OpenAt(p.proc, "ns/mnt")
	return fd, gone(err)
}

// UserNamespace opens the process's user namespace.
func (p *Process) UserNamespace() (*linux.FD, error) {
	fd, err := linux.OpenAt(p.proc, "ns/user")
	return fd, gone(err)
}

// StartTicks is when the process started, in clock ticks since boot.
func (p *Process) StartTicks() (uint64, error) {
	s, err := p.stat()
	if err != nil {
		return 0, err
	}
	return s.Start(), nil
}

// KernelThread says whether the process is the kernel's own.
// It has no files, memory or environment.
func (p *Process) KernelThread() (bool, error) {
	s, err := p.stat()
	return err == nil && s.Kernel(), err
}

func (p *Process) stat() (s linux.ProcessStat, err error) {
	data, err := p.ReadFile("stat", 1<<16)
	if err != nil {
		return s, err
	}
	return linux.ParseStat(data)
}

// Status reads the process's status file.
func (p *Process) Status() (linux.Status, error) {
	data, err := p.ReadFile("status", 1<<16)
	return linux.Status(data), err
}

// Setgroups says whether setgroups(2) is allowed in the process's user namespace.
// It is not if somebody without privileges has made that: a group can be what
// takes a right away (user_namespaces(7), /proc/PID/setgroups).
func (p *Process) Setgroups() (bool, error) {
	data, err := p.ReadFile("setgroups", 64)
	if errors.Is(err, ErrGone) && p.Alive() == nil { // a kernel without user namespaces
		return true, nil
	}
	return strings.TrimSpace(string(data)) != "deny", err
}

// SeccompFilters copies the process's filters of system calls, the oldest first; see
// linux.SeccompFilters. A process that is held stands, and its tracer copies them.
func (p *Process) SeccompFilters(ctx context.Context) ([]linux.SeccompProgram, error) {
	if p.trace.Stands() {
		return p.trace.SeccompFilters()
	}
	return linux.SeccompFilters(ctx, p.pidfd, p.pid)
}

// Limits are the process's resource limits (proc_pid_limits(5)).
func (p *Process) Limits() ([]linux.Limit, error) {
	data, err := p.ReadFile("limits", 1<<16)
	if err != nil {
		return nil, err
	}
	return linux.ParseLimits(string(data))
}

// Close releases the process, and lets it go if it is traced. Closing twice does nothing.
func (p *Process) Close() error {
	if p == nil {
		return nil
	}
	p.trace.Close()
	return linux.CloseAll(p.pidfd, p.proc)
}
