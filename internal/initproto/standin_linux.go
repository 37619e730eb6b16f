package initproto

import (
	"io"
	"os"
	"os/signal"
)

// StandInName is argv[0] of a process that stands for a container which has none.
const StandInName = "dlx-standin"

// Stand is its main function. It waits for the end of its input, which is that of its owner.
// Ignoring SIGCHLD has the kernel reap what it is the init of (wait(2)), and nobody inside can end
// or stop that by a signal (pid_namespaces(7)).
func Stand() int {
	signal.Ignore()
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}
