//go:debug x509usefallbackroots=1

// Command dlx looks inside a running container that has nothing in it. Without a toolbox built in,
// it is its own tools, which trust the roots that they bring along and not the container's.
package main

import (
	"os"

	"dlx/internal/cli"
	"dlx/internal/role"
)

func main() {
	if code, ok := role.Other(os.Args); ok {
		os.Exit(code)
	}
	os.Exit(cli.Run(os.Args))
}
