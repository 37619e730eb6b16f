package rootless

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"dlx/internal/linux"
)

// Run executes this program once more, as root of the place, with arguments, the program's name
// first. It has this process's environment, standard streams and working directory. It gets SIGTERM
// when this process ends. Run waits, and returns its exit status, which is 128+N for signal N.
func (p *Place) Run(args []string) (status int, err error) {
	plan, err := p.plan(args)
	if err != nil {
		return 0, fmt.Errorf("become root of the user's own namespace: %w", err)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	type started struct {
		pid int
		err error
	}
	child, ended := make(chan started, 1), make(chan linux.WaitStatus, 1)
	go func() {
		runtime.LockOSThread() // the child ends with this thread, which is kept until the end
		pid, err := plan.Fork()
		child <- started{pid, err}
		if err == nil {
			ws, _ := linux.Wait(pid)
			ended <- ws
		}
	}()
	c := <-child
	if c.err != nil {
		return 0, fmt.Errorf("become root of the user's own namespace: %w", c.err)
	}
	for {
		select {
		case s := <-signals:
			forward(c.pid, s.(syscall.Signal))
		case ws := <-ended:
			if ws.Signaled() {
				return 128 + int(ws.Signal()), nil
			}
			return ws.ExitStatus(), nil
		}
	}
}

// plan joins the place. A mount namespace of the place's own is where it may mount anything.
func (p *Place) plan(args []string) (plan *linux.Plan, err error) {
	plan = linux.NewPlan()
	var files [4]*linux.FD // the program behind the standard streams
	for n := range 3 {
		if files[n], err = linux.DupStandard(n); err != nil {
			break
		}
	}
	if err == nil {
		files[3], err = linux.OpenRead("/proc/self/exe")
	}
	for _, fd := range files {
		plan.Own(fd)
	}
	if err != nil {
		return nil, errors.Join(err, linux.CloseAll(files[:]...))
	}
	dir, err := os.Getwd()
	if err != nil { // it was removed
		dir = "/"
	}
	plan.Setns("user", p.user, linux.NewUser)
	if p.mount != nil {
		plan.Setns("mnt", p.mount, linux.NewMnt)
	} else {
		plan.UnshareMounts()
	}
	plan.TryChdir(dir)
	plan.Become(0, 0)
	plan.Files(files[0], files[1], files[2], nil, files[3])
	plan.Clone()
	plan.EndWithParent(linux.SIGTERM)
	plan.ClearSignals()
	plan.Exec(args, os.Environ())
	return plan, nil
}

// forward passes a signal on. What a terminal sends, it sends to both processes.
func forward(pid int, s syscall.Signal) {
	if (s == syscall.SIGINT || s == syscall.SIGQUIT) && inForeground() {
		return
	}
	_ = syscall.Kill(pid, s)
}

// inForeground says whether this process's group is the one that its terminal sends signals to.
func inForeground() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	group, err := linux.ForegroundGroup(tty)
	return errors.Join(err, tty.Close()) == nil && group == syscall.Getpgrp()
}
