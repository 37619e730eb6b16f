package main

import (
	"path/filepath"
	"slices"

	"dlx/internal/applet"
	"dlx/internal/initproto"
	"dlx/shell"
)

// otherRole runs the program as what its name says, if that is not dlx: the keeper of a session, and, for the toolbox
// of a dlx that was built without one, the session's first process and the tools.
func otherRole(args []string) (code int, ok bool) {
	if len(args) == 0 {
		return 0, false
	}
	switch name := filepath.Base(args[0]); {
	case name == shell.KeeperName:
		return shell.KeeperMain(args), true
	case name == "dlx-init":
		return initproto.Run(args), true
	case slices.Contains(applet.Names(), name) || name == "dlx-tools":
		return applet.Main(args), true
	}
	return 0, false
}
