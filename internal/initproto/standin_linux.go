package initproto

import (
	"io"
	"os"
	"os/signal"
	"syscall"
)

// StandInName is argv[0] of a process that stands for a container which has none.
const StandInName = "dlx-standin"

// Stand is its main function. It waits to be killed. Ignoring SIGCHLD has the kernel reap what it
// is the init of (wait(2)), and nobody inside can end or stop that by a signal (pid_namespaces(7)).
// With an argument it only waits for the end of its input.
func Stand(args []string) int {
	if len(args) > 1 {
		_, _ = io.Copy(io.Discard, os.Stdin)
		return 0
	}
	signal.Ignore()
	for {
		_ = syscall.Pause()
	}
}
