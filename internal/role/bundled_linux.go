//go:build dlx_toolbox

package role

// carried is nil: the programs lie in the bundles, and dlx starts faster without them.
func carried(string) func(args []string) int { return nil }
