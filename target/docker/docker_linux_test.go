package docker_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/target"
	"dlx/target/docker"
	"dlx/target/runtimetest"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

func TestRuntime(t *testing.T) {
	here := testutil.RequireDocker(t)
	suite := runtimetest.Suite{
		Socket: strings.TrimPrefix(here.Host, "unix://"),
		Open: func(t *testing.T, socket string) target.Runtime {
			t.Helper()
			return docker.New(docker.Options{Host: "unix://" + socket})
		},
		Run: func(t *testing.T, o runtimetest.Options) runtimetest.Container {
			t.Helper()
			image := testutil.Image(t, "pause", testutil.Prog(t, "pause"))
			return container{here.Run(t, testutil.RunOptions{Image: image, Name: o.Name, Labels: o.Labels, Env: o.Env, NoStart: o.NoStart})}
		},
	}
	suite.Test(t)
}

// container is a fixture's.
type container struct{ *testutil.Container }

func (c container) ID() string   { return c.Container.ID }
func (c container) Name() string { return c.Container.Name }
func (c container) PID() int     { return c.Container.PID }

// TestElsewhere: only a Docker on this host can be asked for processes, and no other is spoken to.
func TestElsewhere(t *testing.T) {
	for _, host := range []string{"tcp://192.0.2.1:2375", "npipe:////./pipe/docker_engine", "not a host"} {
		r := docker.New(docker.Options{Host: host})
		_, err := r.Find(t.Context(), "web")
		if err == nil || strings.HasPrefix(host, "tcp:") && !errors.Is(err, fault.RemoteRuntime) {
			t.Errorf("%s: %v, want fault.RemoteRuntime", host, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
