package engine

import (
	"context"
	"sync"
	"time"

	"dlx/nsutil"
	"dlx/target"
)

// Limits for looking at containers: how many at a time, and how long one may take, since a file system that the
// container mounted can hang.
const (
	listAtOnce = 8
	lookLimit  = time.Second
)

// Names returns the running containers as the engine lists them.
func (l *Local) Names(ctx context.Context) ([]target.Info, error) { return l.docker.List(ctx, false) }

// List returns the running containers with their PID and shell.
func (l *Local) List(ctx context.Context) ([]Container, error) {
	var infos []target.Info
	var pids map[string]int
	err := together(
		func() (err error) { infos, err = l.docker.List(ctx, false); return err },
		func() error { pids = target.PIDs(); return nil })
	if err != nil {
		return nil, err
	}
	list := make([]Container, len(infos))
	slots := make(chan struct{}, listAtOnce)
	var wg sync.WaitGroup
	for i, info := range infos {
		list[i].Info = info
		list[i].PID = pids[info.ID]
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			l.look(ctx, &list[i])
		})
	}
	wg.Wait()
	return list, nil
}

// look fills in what takes a look at the container itself. One that ended meanwhile keeps an empty PID.
func (l *Local) look(ctx context.Context, c *Container) {
	pid := c.PID
	if pid == 0 {
		var err error
		if pid, err = l.docker.PID(ctx, c.ID); err != nil || pid == 0 {
			return
		}
		c.PID = pid
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	c.Shell = findShell(ctx, pid)
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
