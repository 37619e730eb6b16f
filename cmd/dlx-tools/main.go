//go:build linux

//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command dlx-tools is the Go part of the toolbox: one static program that is what it is called,
// such as curl, dig, lsof or ss. It trusts the bundled roots and not the container's. No file of
// the container's steers its runtime.
package main

import (
	"os"

	"dlx/internal/applet"
)

func main() { os.Exit(applet.Main(os.Args)) }
