package cli

import (
	"github.com/spf13/cobra"

	"dlx/internal/version"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version",
		Args:  exactArgs(0),
		RunE:  func(*cobra.Command, []string) error { return a.printf("%s\n", version.String()) },
	}
}
