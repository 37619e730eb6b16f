package crio_test

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"dlx/internal/testutil"
	"dlx/target"
	"dlx/target/crio"
	"dlx/target/internal/critest"
	"dlx/target/runtimetest"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

func open(t *testing.T, socket string) *crio.Runtime {
	t.Helper()
	r := crio.New(crio.Options{Socket: socket})
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// TestRuntime is the suite on containerd's server of the interface, since there is no CRI-O here.
// That server knows no pause, tells of no directory that is the host's, and has no events (1.6).
func TestRuntime(t *testing.T) {
	k := critest.Start(t)
	suite := runtimetest.Suite{
		Socket: k.Socket,
		Open: func(t *testing.T, socket string) target.Runtime {
			t.Helper()
			return crio.New(crio.Options{Socket: socket})
		},
		Run: func(t *testing.T, o runtimetest.Options) runtimetest.Container {
			t.Helper()
			return run(t, k.For(t), o)
		},
		NoPause: true, NoRootfs: true,
	}
	suite.Test(t)
}

// podName is the pod's of each container. One name is the beginning of another's only if the
// suite makes it so.
const podName = "dlx-test"

// run makes a container in a pod of its own.
func run(t *testing.T, k *critest.Kubelet, o runtimetest.Options) runtimetest.Container {
	t.Helper()
	name := strings.TrimPrefix(o.Name, podName+"_")
	if name == "" {
		name = strings.ToLower(rand.Text()[:10])
	}
	env := map[string]string{}
	for _, e := range o.Env {
		key, value, _ := strings.Cut(e, "=")
		env[key] = value
	}
	c := &container{t: t, k: k, pod: k.Pod(podName, "uid-"+name), options: critest.ContainerOptions{Name: name, Labels: o.Labels, Env: env, NoStart: true}}
	c.make()
	if !o.NoStart {
		c.Start()
	}
	return c
}

// container is one of Kubernetes's: a restart is another one in its place.
type container struct {
	t       *testing.T
	k       *critest.Kubelet
	pod     *critest.Pod
	options critest.ContainerOptions
	id      string
	pid     int
	ended   bool
}

func (c *container) make() {
	c.t.Helper()
	c.id = c.pod.Container(c.options)
	c.options.Attempt++
}

func (c *container) ID() string   { return c.id }
func (c *container) Name() string { return podName + "_" + c.options.Name }
func (c *container) PID() int     { return c.pid }

func (c *container) Start() {
	c.t.Helper()
	if c.ended {
		c.make()
	}
	c.pod.Start(c.id)
	c.pid = c.k.PID(c.id)
	c.ended = false
}

func (c *container) Stop() {
	c.t.Helper()
	c.pod.Stop(c.id)
	c.pid, c.ended = 0, true
}

func (c *container) Restart() {
	c.t.Helper()
	c.Stop()
	c.Start()
}

// Rename makes another one of that name: the interface has no other way.
func (c *container) Rename(name string) {
	c.t.Helper()
	c.Remove()
	c.pod = c.k.Pod(podName, "uid-"+name)
	c.options.Name = strings.TrimPrefix(name, podName+"_")
	c.make()
	c.Start()
}

func (c *container) Remove() {
	c.t.Helper()
	c.pod.Remove()
	c.pid = 0
}

func (c *container) Pause()   { c.t.Fatal("the interface knows no pause") }
func (c *container) Unpause() { c.Pause() }
