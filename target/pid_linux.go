package target

import (
	"context"
	"errors"
	"io/fs"
	"strconv"
	"strings"

	"dlx/fault"
	"dlx/nsutil"
)

// pids is a runtime that only finds: processes of this host by their numbers, containers or not.
type pids struct{}

var _ Runtime = pids{}

func (pids) Scheme() string { return PIDScheme }

func (pids) Owner() int { return 0 }

func (pids) List(context.Context, Filter) ([]Info, error) { return nil, nil }

// Find returns the process of that number. One of the kernel's own is a fault.KernelThread.
func (pids) Find(_ context.Context, name string) ([]Info, error) {
	pid, err := strconv.Atoi(name)
	if err != nil {
		return nil, badTarget(name, "not a process ID")
	}
	p, err := nsutil.Open(pid)
	switch {
	case errors.Is(err, nsutil.ErrGone):
		return nil, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, denied(pid, err)
	}
	if err != nil {
		return nil, err
	}
	info, err := describe(p, pid)
	if err = errors.Join(err, p.Close()); err != nil {
		return nil, err
	}
	return []Info{*info}, nil
}

// describe takes from /proc what no runtime tells.
func describe(p *nsutil.Process, pid int) (*Info, error) {
	comm, err := p.ReadFile("comm", 1<<10)
	if err != nil {
		return nil, err
	}
	name := strings.TrimSpace(string(comm))
	kernel, err := p.KernelThread()
	if err != nil {
		return nil, err
	}
	if kernel {
		return nil, fault.New(fault.KernelThread, name, "process %d (%s) is a thread of the kernel's own", pid, name)
	}
	id := strconv.Itoa(pid)
	return &Info{Runtime: PIDScheme, ID: id, Name: "pid-" + id, Image: name, State: Running, PID: pid, WorkingDir: "/"}, nil
}

func (r pids) Inspect(ctx context.Context, id string) (*Info, error) {
	list, err := r.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, noProcess(id)
	}
	return &list[0], nil
}

func (pids) Rootfs(context.Context, *Info) (Layers, error) { return Layers{}, nil }

// Watch has nothing to tell: a number that comes again is another process.
func (pids) Watch(context.Context, Filter) (<-chan Event, error) {
	none := make(chan Event)
	close(none)
	return none, nil
}

func (pids) Health(context.Context) (string, error) { return "there", nil }

func (pids) Close() error { return nil }
