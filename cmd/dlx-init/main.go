//go:build linux

// Command dlx-init is the first process of a session inside a container. It is started by dlx, by nobody else, and no
// file of the container's steers its runtime.

//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

package main

import (
	"os"

	"dlx/internal/initproto"
)

func main() { os.Exit(initproto.Run(os.Args)) }
