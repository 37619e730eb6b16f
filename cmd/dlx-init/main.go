//go:build linux

//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command dlx-init is the first process of a session inside a container. It is started by dlx, by
// nobody else, and no file of the container's steers its runtime. By other names it is a session's
// keeper, outside, stands for a container that has no process, and starts a dynamic program of a
// toolbox.
package main

import (
	"os"

	"dlx/internal/cgroup"
	"dlx/internal/initproto"
	"dlx/internal/launcher"
)

func main() {
	if os.Args[0] == cgroup.KeeperName {
		os.Exit(cgroup.Keep(os.Args))
	}
	if os.Args[0] == initproto.StandInName {
		os.Exit(initproto.Stand())
	}
	if launcher.Is(os.Args[0]) {
		os.Exit(launcher.Run(os.Args))
	}
	os.Exit(initproto.Run(os.Args))
}
