//go:build dlx_toolbox

package role

// A dlx with a toolbox inside is none of its tools, and starts faster without them.

func isApplet(string) bool { return false }

func runApplet([]string) int { return 127 }
