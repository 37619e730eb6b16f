package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlx/internal/linux"
)

// Limits of time for ending a session.
const (
	endLimit    = 5 * time.Second
	rootsLimit  = time.Second
	pollEvery   = 2 * time.Millisecond
	drainLimit  = 2 * time.Second
	termGrace   = 3 * time.Second
	removeLimit = 2 * time.Second
)

// end ends every process of the group. The first one of a session, dlx-init, is left for last: it reaps the others,
// which would otherwise be zombies that the container's init may never reap.
func (c *cgroup) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	c.stopForks()
	rootsUntil := time.Now().Add(rootsLimit)
	for {
		pids, err := c.pids()
		if err != nil || len(pids) == 0 {
			return err
		}
		others := slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return !slices.Contains(pids, parent(pid)) })
		switch {
		case len(others) > 0:
			rootsUntil = time.Now().Add(rootsLimit)
		case time.Now().After(rootsUntil):
			others = pids
		}
		c.kill(others)
		if err := pause(ctx, pollEvery); err != nil {
			return fmt.Errorf("%d processes of the session do not end: %w", len(pids), err)
		}
	}
}

// clean ends what is left in the group and removes it.
func (c *cgroup) clean() error {
	ctx, cancel := context.WithTimeout(context.Background(), endLimit+removeLimit)
	defer cancel()
	if err := c.end(ctx); err != nil {
		return err
	}
	for {
		err := c.remove() // a process that has just ended can keep it busy for a moment
		if err == nil || pause(ctx, pollEvery) != nil {
			return err
		}
	}
}

// stopForks keeps the group from growing while it is being ended.
func (c *cgroup) stopForks() {
	for _, dir := range c.dirs {
		_ = os.WriteFile(filepath.Join(dir, "pids.max"), []byte("0"), 0) // only the pids controller has the file
	}
}

// kill kills processes of the group. Their pidfds are opened first and the list read again, so that a PID which has
// meanwhile come to mean another process is left alone.
func (c *cgroup) kill(pids []int) {
	for some := range slices.Chunk(pids, killAtOnce) {
		c.killSome(some)
	}
}

// killAtOnce is how many descriptors killing takes.
const killAtOnce = 64

func (c *cgroup) killSome(pids []int) {
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

// parent is the parent of a process, 0 if it is gone.
func parent(pid int) int {
	fields, err := stat(pid)
	if err != nil {
		return 0
	}
	ppid, _ := strconv.Atoi(fields[1])
	return ppid
}

// started is when a process started, in clock ticks since boot, and whether it has ended and waits to be reaped.
func started(pid int) (ticks uint64, ended bool, err error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, false, err
	}
	ticks, err = strconv.ParseUint(fields[19], 10, 64)
	return ticks, fields[0] == "Z" || fields[0] == "X", err
}

// stat is a process's stat file (proc(5)) from the third field on, which is its state.
func stat(pid int) ([]string, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 20 {
		return nil, fmt.Errorf("parse stat of process %d: %d fields", pid, len(fields))
	}
	return fields, nil
}

// pause waits a moment, or returns ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// errKeeper reports that the process which cleans up after a kill -9 could not be started.
var errKeeper = errors.New("start the session's keeper")
