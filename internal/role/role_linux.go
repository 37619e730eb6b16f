// Package role runs a program as what its name says: one file serves as dlx, as the keeper of a session and, where no
// toolbox was built in, as the session's first process and its tools.
package role

import (
	"path/filepath"

	"dlx/internal/cgroup"
	"dlx/internal/initproto"
)

// Other runs the program as what args[0] says and returns its exit status; ok is false if that is dlx itself.
func Other(args []string) (code int, ok bool) {
	if len(args) == 0 {
		return 0, false
	}
	switch name := filepath.Base(args[0]); {
	case name == cgroup.KeeperName:
		return cgroup.Keep(args), true
	case name == "dlx-init":
		return initproto.Run(args), true
	case isApplet(name):
		return runApplet(args), true
	}
	return 0, false
}
