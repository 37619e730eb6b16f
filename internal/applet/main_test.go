//go:build linux

package applet_test

import (
	"os"
	"testing"

	"dlx/internal/applet"
	"dlx/internal/testutil"
)

// TestMain lets this program be its own toolbox: called by an applet's name, it is that applet.
func TestMain(m *testing.M) {
	if os.Getenv("DLX_TEST_APPLET") != "" {
		os.Exit(applet.Main(os.Args))
	}
	os.Exit(testutil.Main(m))
}
