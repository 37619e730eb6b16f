package everyruntime_test

import (
	"os"
	"testing"

	"dlx/internal/role"
	"dlx/internal/testutil"
)

// TestMain lets this program be what dlx starts itself as.
func TestMain(m *testing.M) {
	if code, ok := role.Other(os.Args); ok {
		os.Exit(code)
	}
	os.Exit(testutil.Main(m))
}
