package cgroup

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dlx/internal/failpoint"
	"dlx/internal/linux"
	"dlx/internal/pause"
)

// EndLimit is how long the processes of a group may take to end.
const EndLimit = 5 * time.Second

// stuckLimit is how long they get once they have not.
const stuckLimit = 20 * time.Millisecond

// Limits of time for ending a session.
const (
	rootsLimit  = time.Second
	pollEvery   = 2 * time.Millisecond
	removeLimit = 2 * time.Second
)

// End ends every process of the group. A session's first one, dlx-init, is last: it reaps the
// others, which would otherwise be zombies, and a container's init may never reap those. A process
// that waits for a FUSE server of the container's can not be killed (the kernel's fs/fuse/dev.c,
// request_wait_answer): End waits for it once.
func (c *Group) End(ctx context.Context) error {
	limit := EndLimit
	if c.stuck {
		limit = stuckLimit
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c.stopForks()
	failpoint.At("cgroup.end")
	rootsUntil := time.Now().Add(rootsLimit)
	for {
		pids, err := c.pids()
		if err != nil || len(pids) == 0 {
			return err
		}
		others := slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return !slices.Contains(pids, linux.Parent(pid)) })
		switch {
		case len(others) > 0:
			rootsUntil = time.Now().Add(rootsLimit)
		case time.Now().After(rootsUntil):
			others = pids
		}
		c.kill(others)
		failpoint.At("cgroup.some-killed")
		if err := pause.For(ctx, pollEvery); err != nil {
			c.stuck = true
			return fmt.Errorf("%d processes of the session do not end: %w", len(pids), err)
		}
	}
}

// Clean ends what is left in the group and removes it.
func (c *Group) Clean(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, EndLimit+removeLimit)
	defer cancel()
	if err := c.End(ctx); err != nil {
		return err
	}
	failpoint.At("cgroup.empty")
	for {
		err := c.remove() // a process that has just ended can keep it busy for a moment
		if err == nil || pause.For(ctx, pollEvery) != nil {
			return err
		}
	}
}

// stopForks keeps the group from growing while it is being ended.
func (c *Group) stopForks() {
	for _, dir := range c.dirs {
		_ = os.WriteFile(filepath.Join(dir, "pids.max"), []byte("0"), 0) // only the pids controller has the file
	}
}

// kill kills processes of the group. Their pidfds are opened first and the list read again, so that
// a PID which has meanwhile come to mean another process is left alone.
func (c *Group) kill(pids []int) {
	for some := range slices.Chunk(pids, killAtOnce) {
		c.killSome(some)
	}
}

// killAtOnce is how many descriptors killing takes.
const killAtOnce = 64

func (c *Group) killSome(pids []int) {
	held := map[int]*linux.FD{}
	defer func() { _ = linux.CloseAll(slices.Collect(maps.Values(held))...) }()
	for _, pid := range pids {
		if pidfd, err := linux.PidfdOpen(pid); err == nil {
			held[pid] = pidfd
		}
	}
	still, err := c.pids()
	if err != nil {
		return
	}
	for _, pid := range still {
		if pidfd := held[pid]; pidfd != nil {
			_ = linux.PidfdSignal(pidfd, linux.SIGKILL)
		}
	}
}
