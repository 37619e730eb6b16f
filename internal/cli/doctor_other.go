//go:build !linux

package cli

import "github.com/spf13/cobra"

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "say whether this host has what dlx needs",
		RunE:  func(*cobra.Command, []string) error { return unsupportedError{} },
	}
}
