//go:build linux

//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command dlx-print takes packets apart: it prints those of a capture, or copies those that match.
// It is started by dlx, by nobody else, as a user without privileges, and confines itself before it
// reads.
package main

import (
	"os"

	"dlx/internal/printer"
)

func main() { os.Exit(printer.Main(os.Args)) }
