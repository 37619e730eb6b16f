package engine_test

import (
	"os"
	"testing"

	"dlx/engine"
	"dlx/engine/enginetest"
	"dlx/internal/role"
	"dlx/internal/testutil"
)

// TestMain lets this program be what dlx starts itself as: a session's keeper and, without a built-in toolbox, its tools.
func TestMain(m *testing.M) {
	if code, ok := role.Other(os.Args); ok {
		os.Exit(code)
	}
	os.Exit(testutil.Main(m))
}

func TestLocal(t *testing.T) {
	journal := t.TempDir()
	enginetest.Run(t, func(t *testing.T, host string) engine.Engine {
		t.Setenv("DOCKER_HOST", host)
		e, err := engine.NewLocal(engine.LocalOptions{Journal: journal})
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}
