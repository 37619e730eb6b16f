package engine_test

import (
	"errors"
	"os"
	"testing"

	"dlx/engine"
	"dlx/engine/enginetest"
	"dlx/internal/role"
	"dlx/internal/testutil"
	"dlx/target/docker"
)

// TestMain lets this program be what dlx starts itself as: a session's keeper and, without a
// built-in toolbox, its tools.
func TestMain(m *testing.M) {
	if code, ok := role.Other(os.Args); ok {
		os.Exit(code)
	}
	os.Exit(testutil.Main(m))
}

func TestLocal(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, p enginetest.Place) engine.Engine {
		return localAt(t, p.Docker, engine.LocalOptions{State: p.State, Configs: []string{p.Config}, HostFiles: true, Gate: p.Gate})
	})
}

// localAt is a Local that looks for names in the Docker at an address.
func localAt(t *testing.T, host string, o engine.LocalOptions) *engine.Local {
	t.Helper()
	runtime := docker.New(docker.Options{Host: host})
	o.Runtimes = append(o.Runtimes, runtime)
	return engine.NewLocal(o)
}

// TestHostFiles: an engine whose requests may not name files of its machine opens none.
func TestHostFiles(t *testing.T) {
	e := engine.NewLocal(engine.LocalOptions{State: t.TempDir()})
	file := engine.ToolboxFile("/dev/null")
	_, verr := e.VerifyToolbox(t.Context(), file)
	_, ierr := e.ImportToolbox(t.Context(), file)
	_, serr := e.ToolboxSBOM(t.Context(), file)
	for _, err := range []error{verr, ierr, serr} {
		if !errors.Is(err, engine.ErrHostFile) {
			t.Errorf("%v, want ErrHostFile", err)
		}
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
