package soak_test

import (
	"flag"
	"os"
	"testing"

	"dlx/internal/role"
	"dlx/internal/testutil"
)

// How much is run; `make soak` says more.
var (
	sessions = flag.Int("sessions", 20, "sessions after one another")
	atOnce   = flag.Int("at-once", 10, "sessions at once")
)

// TestMain lets this program be what dlx starts itself as: a session's keeper and, without a
// built-in toolbox, its tools.
func TestMain(m *testing.M) {
	if code, ok := role.Other(os.Args); ok {
		os.Exit(code)
	}
	os.Exit(testutil.Main(m))
}
