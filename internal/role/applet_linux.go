//go:build !dlx_toolbox

package role

import (
	"slices"

	"dlx/internal/applet"
)

func isApplet(name string) bool {
	return name == applet.ProgramName || slices.Contains(applet.Names(), name)
}

func runApplet(args []string) int { return applet.Main(args) }
