//go:build linux

// Command dlx-init is the first process of a session inside a container. It is started by dlx, by nobody else.
package main

import (
	"os"

	"dlx/internal/initproto"
)

//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

func main() { os.Exit(initproto.Run(os.Args)) }
