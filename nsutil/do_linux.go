package nsutil

import (
	"errors"
	"fmt"
	"io"
	"runtime"

	"dlx/internal/linux"
)

// Do joins those namespaces of the process that are in want and differ from the caller's.
// It runs f there, on a thread of its own that ends afterwards, so nothing has to be
// restored. User is an error: a multithreaded process can not join one (setns(2), EINVAL).
// A pid namespace affects only children of f.
//
// Joining Mnt gives the thread the process's root and working directory.
func (p *Process) Do(want Type, f func() error) error {
	if want&User != 0 {
		return fmt.Errorf("join namespaces of process %d: a thread can not join a user namespace", p.pid)
	}
	return OnThread(func() error {
		join, err := p.Differing()
		if err != nil {
			return err
		}
		if err := p.join(join & want); err != nil {
			return err
		}
		return f()
	})
}

// join moves the calling thread, which must be a throw-away one.
func (p *Process) join(join Type) error {
	if join == 0 {
		return nil
	}
	if join&Mnt != 0 {
		if err := linux.UnshareFS(); err != nil {
			return err
		}
	}
	if err := linux.Setns(p.pidfd, join.flags()); err != nil {
		return fmt.Errorf("join %s namespaces of process %d: %w", join, p.pid, gone(err))
	}
	return nil
}

// OnThread runs f on a thread of its own, which ends with f, whatever f has done to it. It is never
// the process's first one: at its end, /proc/self would keep showing its namespaces.
func OnThread(f func() error) error {
	done := make(chan error, 1)
	go onThread(f, done)
	return <-done
}

func onThread(f func() error, done chan<- error) {
	runtime.LockOSThread()
	if linux.IsThreadGroupLeader() {
		// Keep the leader busy, so that the next goroutine gets another thread.
		// Then give it back untouched.
		inner := make(chan error, 1)
		go onThread(f, inner)
		done <- <-inner
		runtime.UnlockOSThread()
		return
	}
	// No unlock: from here on the thread is poisoned. The runtime ends it with the goroutine.
	done <- f()
}

// Self is the calling process's own /proc directory, opened while /proc is still the host's. It
// answers for whichever thread asks.
type Self struct{ proc *linux.FD }

// OpenSelf opens it; the host's /proc is checked to be a proc file system.
func OpenSelf() (*Self, error) {
	proc, err := procDir(".")
	return &Self{proc}, err
}

// MountNamespace opens the calling thread's mount namespace.
func (s *Self) MountNamespace() (*linux.FD, error) { return linux.OpenAt(s.proc, "thread-self/ns/mnt") }

// MountInfo is the calling thread's mount table (proc_pid_mountinfo(5)).
func (s *Self) MountInfo() ([]byte, error) {
	fd, err := linux.OpenAt(s.proc, "thread-self/mountinfo")
	if err != nil {
		return nil, err
	}
	f := fd.File("mountinfo")
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, mountinfoLimit))
}

// PlanOwn plans that a child writes to a file of its own, and hands s over to the plan.
func (s *Self) PlanOwn(plan *linux.Plan, f OwnFile) {
	plan.Own(s.proc)
	plan.WriteOwn(s.proc, f.Name, f.Data)
}

// Close releases it.
func (s *Self) Close() error { return s.proc.Close() }

// EnterMounts moves the calling thread, which must be one of OnThread's, into the process's mount
// namespace. The thread's root is then the namespace's own, a mount point. Its working directory is
// the process's root, which need not be a mount point if that has called chroot(2). For a nil
// process it stays in the caller's namespace, and both are the caller's root.
func (p *Process) EnterMounts() error {
	if p == nil {
		root, err := linux.OpenPath("/")
		if err != nil {
			return err
		}
		defer root.Close()
		if err := linux.UnshareFS(); err != nil {
			return err
		}
		return linux.Fchdir(root)
	}
	root, err := p.Root()
	if err != nil {
		return err
	}
	defer root.Close()
	ns, err := p.MountNamespace()
	if err != nil {
		return err
	}
	defer ns.Close()
	if err := linux.UnshareFS(); err != nil {
		return err
	}
	if err := linux.Setns(ns, linux.NewMnt); err != nil {
		return fmt.Errorf("join mount namespace of process %d: %w", p.pid, err)
	}
	return linux.Fchdir(root)
}

// procRootIno is the inode of a proc file system's root (PROC_ROOT_INO in the kernel's fs/proc).
const procRootIno = 1

// CheckProc says whether dir is the root of a proc file system of the process's own pid namespace.
func (p *Process) CheckProc(dir *linux.FD) error {
	magic, err := linux.Magic(dir)
	if err != nil {
		return err
	}
	st, err := linux.Fstat(dir)
	if err != nil {
		return err
	}
	if magic != linux.MagicProc || st.Ino != procRootIno {
		return fmt.Errorf("the container's /proc is not a proc file system (type %#x)", magic)
	}
	init, err := linux.StatAtFollow(dir, "1/ns/pid")
	if err != nil {
		return err
	}
	if (ID{init.Dev, init.Ino}) != p.set[Pid] {
		return errors.New("the container's /proc belongs to another pid namespace")
	}
	return nil
}
