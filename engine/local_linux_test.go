package engine_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"dlx/engine"
	"dlx/engine/enginetest"
	"dlx/internal/linux"
	"dlx/internal/role"
	"dlx/internal/testutil"
	"dlx/shell"
)

// TestMain lets this program be what dlx starts itself as: a session's keeper and, without a built-in toolbox, its tools.
func TestMain(m *testing.M) {
	if code, ok := role.Other(os.Args); ok {
		os.Exit(code)
	}
	if err := openKept(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(testutil.Main(m))
}

// openKept makes pathrs-lite open the proc file system that it then keeps for the life of the process, before the
// descriptors are counted.
func openKept() error {
	root, err := linux.OpenPath("/")
	if err != nil {
		return err
	}
	_, err = shell.LookupUser("0", root)
	return errors.Join(err, root.Close())
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
