// Command dlx looks inside a running container that has nothing in it.
package main

import (
	"os"

	"dlx/internal/cli"
)

func main() {
	if code, ok := otherRole(os.Args); ok {
		os.Exit(code)
	}
	os.Exit(cli.Run(os.Args[1:]))
}
