//go:build linux

//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command dlx-init is the first process of a session inside a container. It is started by dlx, by nobody else, and no
// file of the container's steers its runtime.
package main

import (
	"os"

	"dlx/internal/initproto"
)

func main() { os.Exit(initproto.Run(os.Args)) }
