package cgroup

import (
	"io"
	"os"
	"strings"
)

// KeeperName is argv[0] of a session's keeper.
const KeeperName = "dlx-keeper"

// Keep is the keeper's main function; args are its arguments, name first. It watches its standard input, a pipe that dlx
// holds. When that closes, however dlx came to its end, it ends what is left in the group and removes it.
func Keep(args []string) int {
	if len(args) != 2 || !strings.HasPrefix(args[1], Prefix) || strings.Contains(args[1], "/") {
		return 2
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := Find(args[1]).Clean(); err != nil {
		return 1
	}
	return 0
}
