package engine

import (
	"context"
	"sync"
	"time"

	"dlx/fault"
	"dlx/nsutil"
	"dlx/target"
)

// Limits for looking at containers: how many at a time, and how long one may take. A file system
// that the container mounted can hang.
const (
	listAtOnce = 8
	lookLimit  = time.Second
)

// Names returns the running containers as their runtimes list them.
func (l *Local) Names(ctx context.Context) ([]target.Info, error) {
	list, err := l.targets.List(ctx, target.Filter{})
	return list, fault.In("list", "", err)
}

// List returns the running containers of the runtimes that answer, with PID and shell. Beside them
// it returns the error of the others.
func (l *Local) List(ctx context.Context) (list []Container, err error) {
	defer func() { err = fault.In("list", "", err) }()
	infos, err := l.targets.List(ctx, target.Filter{PIDs: true})
	list = make([]Container, len(infos))
	slots := make(chan struct{}, listAtOnce)
	var wg sync.WaitGroup
	for i, info := range infos {
		list[i].Info = info
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			l.look(ctx, &list[i])
		})
	}
	wg.Wait()
	return list, err
}

// look fills in what the container itself has to be asked for. One that ended keeps an empty PID.
func (l *Local) look(ctx context.Context, c *Container) {
	if c.PID == 0 {
		now, err := l.targets.Inspect(ctx, &c.Info)
		if err != nil || now.PID == 0 {
			return
		}
		c.PID = now.PID
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	c.Shell = findShell(ctx, c.PID)
}

// shells are where images have one.
var shells = []string{"bin/sh", "bin/bash", "bin/ash", "usr/bin/sh", "usr/bin/bash", "busybox/sh", "bin/busybox"}

// findShell returns the path of a shell in a process's root, or "".
func findShell(ctx context.Context, pid int) string {
	p, err := nsutil.Open(pid)
	if err != nil {
		return ""
	}
	defer p.Close()
	if path := p.FindProgram(ctx, shells); path != "" {
		return "/" + path
	}
	return ""
}
