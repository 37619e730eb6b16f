package cast_test

import (
	"os"
	"testing"

	"dlx/internal/testutil"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimEnv); dir != "" {
		victim(dir)
	}
	os.Exit(testutil.Main(m))
}
