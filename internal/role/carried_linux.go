//go:build !dlx_toolbox

package role

import (
	"slices"

	"dlx/internal/applet"
	"dlx/internal/printer"
	"dlx/internal/printer/job"
)

// carried is the program of a name that would lie in a bundle, nil if there is none.
func carried(name string) func(args []string) int {
	switch {
	case name == job.Program:
		return printer.Main
	case name == applet.ProgramName || slices.Contains(applet.Names(), name):
		return applet.Main
	}
	return nil
}
