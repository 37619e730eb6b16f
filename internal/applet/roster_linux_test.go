package applet_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/internal/applet"
	"dlx/internal/applet/roster"
)

// TestRoster: who does not carry the applets knows of all of them.
func TestRoster(t *testing.T) {
	if diff := cmp.Diff(applet.Names(), roster.Names()); diff != "" {
		t.Errorf("names (-applets +roster):\n%s", diff)
	}
}
