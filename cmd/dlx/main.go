// Command dlx looks inside a running container that has nothing in it.
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
	os.Exit(cli.Run(os.Args[1:]))
}
