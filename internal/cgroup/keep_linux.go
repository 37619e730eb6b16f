package cgroup

import (
	"context"
	"runtime"
	"strings"
	"time"

	"dlx/internal/failpoint"
	"dlx/internal/linux"
)

// KeeperName is argv[0] of a session's keeper, and KeeperProgram the descriptor that it is executed
// by.
const (
	KeeperName    = "dlx-keeper"
	KeeperProgram = 3
)

// Keep is the keeper's main function; args are its arguments, name first. It runs the session's
// plan, which comes from a socket of dlx's on standard input. When that closes, however dlx came to
// its end, Keep kills what is left in the group, waits for that, and removes the group.
func Keep(args []string) int {
	if len(args) != 2 || !strings.HasPrefix(args[1], Prefix) || strings.Contains(args[1], "/") {
		return 2
	}
	runtime.GOMAXPROCS(1)
	failpoint.At("started")
	_ = linux.NewFD(KeeperProgram).Close() // it runs
	conn := linux.NewFD(0)
	defer conn.Close()
	_ = linux.ServePlans(conn) // an error ends the session as well
	failpoint.At("left")
	group, ctx := Find(args[1]), context.Background()
	for group.Clean(ctx) != nil {
		_ = pause(ctx, keepEvery)
	}
	failpoint.At("cleaned")
	return 0
}

// keepEvery is how often the keeper looks after processes that do not end.
const keepEvery = time.Second
