package containerd_test

import (
	"crypto/rand"
	"maps"
	"os"
	"strings"
	"testing"

	"dlx/internal/testutil"
	"dlx/target"
	"dlx/target/containerd"
	"dlx/target/runtimetest"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// namespace is the one of most tests. It is short: the suite looks for the beginnings of IDs.
const namespace = "dlx"

const nameLabel = "nerdctl/name"

func TestRuntime(t *testing.T) {
	here := testutil.StartContainerd(t)
	image := here.Image(t, namespace, "pause", testutil.Prog(t, "pause"))
	suite := runtimetest.Suite{
		Socket: here.Socket,
		Open: func(t *testing.T, socket string) target.Runtime {
			t.Helper()
			return containerd.New(containerd.Options{Socket: socket})
		},
		Run: func(t *testing.T, o runtimetest.Options) runtimetest.Container {
			t.Helper()
			return run(t, here, image, o)
		},
	}
	suite.Test(t)
}

// run makes a container as nerdctl does: its ID is random, and a label has its name.
func run(t *testing.T, d *testutil.Containerd, image string, o runtimetest.Options) runtimetest.Container {
	t.Helper()
	if o.Name == "" {
		o.Name = "dlx-test-" + strings.ToLower(rand.Text()[:10])
	}
	labels := map[string]string{nameLabel: o.Name}
	maps.Copy(labels, o.Labels)
	return &container{d.Run(t, testutil.CtrOptions{Namespace: namespace, Image: image, Labels: labels, Env: o.Env, NoStart: o.NoStart}), o.Name}
}

// container is a fixture's.
type container struct {
	*testutil.CtrContainer
	name string
}

func (c *container) ID() string   { return c.Namespace + "/" + c.CtrContainer.ID }
func (c *container) Name() string { return c.name }
func (c *container) PID() int     { return c.CtrContainer.PID }

func (c *container) Rename(name string) {
	c.Label(nameLabel, name)
	c.name = name
}
