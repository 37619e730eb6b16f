package toolbox

import "testing"

// LimitBundles has bundles of more than so many bytes refused, for one test.
func LimitBundles(t *testing.T, limit int64) {
	before := maxBundle
	maxBundle = limit
	t.Cleanup(func() { maxBundle = before })
}
