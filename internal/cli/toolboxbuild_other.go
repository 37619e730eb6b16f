//go:build !linux

package cli

import "github.com/spf13/cobra"

// toolboxBuildCommand is there to say that toolboxes are made on Linux, whose programs they hold.
func (a *app) toolboxBuildCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "build",
		Hidden: true,
		RunE:   func(*cobra.Command, []string) error { return unsupportedError{} },
	}
}
