package ran_test

import (
	"os"
	"testing"

	"dlx/internal/testutil"
)

func TestMain(m *testing.M) {
	if act := acts[os.Getenv(actEnv)]; act != nil {
		act()
		os.Exit(0)
	}
	os.Exit(testutil.Main(m))
}
