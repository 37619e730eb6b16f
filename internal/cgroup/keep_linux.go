package cgroup

import (
	"context"
	"runtime"
	"strings"
	"time"

	"dlx/internal/failpoint"
	"dlx/internal/linux"
	"dlx/internal/pause"
)

// KeeperName is argv[0] of a session's keeper, and KeeperProgram the descriptor that it is executed
// by. With KeeperStopped as its last argument, KeeperProcess is the pidfd of a process that was
// stopped for the session.
const (
	KeeperName    = "dlx-keeper"
	KeeperProgram = 3
	KeeperStopped = "stopped"
	KeeperProcess = 4
)

// Keep is the keeper's main function; args are its arguments, name first. It runs the session's
// plan, which comes from a socket of dlx's on standard input. When that closes, however dlx came to
// its end, Keep has a process that was stopped go on, kills what is left in the group, waits for
// that, and removes the group. Without a name the session has no control group: its processes are
// those in the plan's mount namespace.
func Keep(args []string) int {
	var stopped *linux.FD
	if len(args) == 3 && args[2] == KeeperStopped {
		args, stopped = args[:2], linux.NewFD(KeeperProcess)
		defer stopped.Close()
	}
	if len(args) != 2 || args[1] != "" && !strings.HasPrefix(args[1], Prefix) || strings.Contains(args[1], "/") {
		return 2
	}
	runtime.GOMAXPROCS(1)
	failpoint.At("started")
	_ = linux.NewFD(KeeperProgram).Close() // it runs
	conn := linux.NewFD(0)
	defer conn.Close()
	group, ctx := &Group{}, context.Background()
	_ = linux.ServePlans(conn, func(fds []*linux.FD) { group.known(fds) }) // an error ends the session as well
	failpoint.At("left")
	if stopped != nil {
		_ = linux.PidfdSignal(stopped, linux.SIGCONT) // it may have ended
	}
	if args[1] != "" {
		group = Find(args[1])
	}
	for group.Clean(ctx) != nil {
		_ = pause.For(ctx, keepEvery)
	}
	failpoint.At("cleaned")
	return 0
}

// known takes the mount namespace out of a plan's descriptors.
func (c *Group) known(fds []*linux.FD) {
	for _, fd := range fds {
		if kind, err := linux.NamespaceType(fd); err != nil || kind != linux.NewMnt {
			continue
		}
		if in, err := InMounts(fd); err == nil {
			c.mounts = in.mounts
		}
	}
}

// keepEvery is how often the keeper looks after processes that do not end.
const keepEvery = time.Second
