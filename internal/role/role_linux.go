// Package role runs a program as what its name says. One file is dlx and the keeper of a session.
// Without a built-in toolbox it is also the session's first process, its tools and the printer.
package role

import (
	"path/filepath"

	"dlx/internal/cgroup"
	"dlx/internal/initproto"
)

// Other runs the program that args[0] names and returns its exit status.
// ok is false for dlx itself.
func Other(args []string) (code int, ok bool) {
	if len(args) == 0 {
		return 0, false
	}
	name := filepath.Base(args[0])
	switch name {
	case cgroup.KeeperName:
		return cgroup.Keep(args), true
	case initproto.StandInName:
		return initproto.Stand(), true
	case "dlx-init":
		return initproto.Run(args), true
	}
	if run := carried(name); run != nil {
		return run(args), true
	}
	return 0, false
}
