package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/shell"
)

// TestProfileNames: a rule can name the profiles that there are, on systems too that have none.
func TestProfileNames(t *testing.T) {
	if diff := cmp.Diff(shell.ProfileNames(), profileNames); diff != "" {
		t.Error(diff)
	}
}
