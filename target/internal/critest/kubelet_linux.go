package critest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dlx/internal/testutil"
	"dlx/target/internal/grpctest"
	"dlx/target/internal/grpcwire"
)

// limit is how long one request may take on a busy machine.
const limit = time.Minute

// Kubelet makes them in a containerd of the test's own.
type Kubelet struct {
	*testutil.Containerd
	// Image does nothing.
	Image string

	t      *testing.T
	client *grpcwire.Client
}

// Start starts the containerd.
func Start(t *testing.T) *Kubelet {
	t.Helper()
	d := testutil.StartCRI(t)
	k := &Kubelet{d, d.Image(t, "k8s.io", "pause", testutil.Prog(t, "pause")), t, grpcwire.New(d.Socket)}
	t.Cleanup(func() { _ = k.client.Close() })
	return k
}

// For is the same one for a test that is a part of another.
func (k *Kubelet) For(t *testing.T) *Kubelet {
	return &Kubelet{k.Containerd, k.Image, t, k.client}
}

// Ask returns an answer.
func (k *Kubelet) Ask(method string, request []byte) []byte {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.t.Context()), limit)
	defer cancel()
	answer, err := k.client.Call(ctx, grpcwire.Request{Method: "/runtime.v1.RuntimeService/" + method, Message: request})
	if err != nil {
		k.t.Fatal(err)
	}
	return answer
}

// id returns the first field of an answer.
func (k *Kubelet) id(method string, request []byte) (id string) {
	k.t.Helper()
	err := grpcwire.Fields(k.Ask(method, request), func(f grpcwire.Field) error {
		if f.Number == 1 {
			id = f.Text()
		}
		return nil
	})
	if err != nil || id == "" {
		k.t.Fatalf("%s: no ID in the answer: %v", method, err)
	}
	return id
}

// Pod is one on the host's network.
type Pod struct {
	Name, UID string
	ID        string // of its sandbox, once it is there

	k *Kubelet
}

// Pod makes one, which is removed when the test ends.
func (k *Kubelet) Pod(name, uid string) *Pod {
	k.t.Helper()
	p := &Pod{Name: name, UID: uid, k: k}
	p.ID = k.id("RunPodSandbox", grpctest.Message(p.config()))
	k.t.Cleanup(p.Remove)
	return p
}

// Remove removes the pod with its containers. One that is already gone is fine.
func (p *Pod) Remove() {
	if p.ID == "" {
		return
	}
	p.k.t.Helper()
	p.k.Ask("StopPodSandbox", grpctest.Message(p.ID))
	p.k.Ask("RemovePodSandbox", grpctest.Message(p.ID))
	p.ID = ""
}

func (p *Pod) labels(more ...[]byte) [][]byte {
	return append([][]byte{
		grpctest.Message("io.kubernetes.pod.name", p.Name), grpctest.Message("io.kubernetes.pod.namespace", "prod"), grpctest.Message("io.kubernetes.pod.uid", p.UID),
	}, more...)
}

// config is a PodSandboxConfig (NamespaceMode NODE is 2).
func (p *Pod) config() []byte {
	linux := grpctest.Message(nil, grpctest.Message(grpctest.Message(2)))
	m := grpctest.With(nil, 1, grpctest.Message(p.Name, p.UID, "prod"))
	m = grpctest.With(m, 6, p.labels()...)
	return grpctest.With(m, 8, linux)
}

// ContainerOptions are a container's.
type ContainerOptions struct {
	Name    string
	Attempt int // anew with each restart
	Labels  map[string]string
	Env     map[string]string
	NoStart bool
}

// Container makes one in the pod, and starts it.
func (p *Pod) Container(o ContainerOptions) (id string) {
	p.k.t.Helper()
	m := grpctest.With(nil, 1, grpctest.Message(o.Name, o.Attempt))
	m = grpctest.With(m, 2, grpctest.Message(p.k.Image))
	labels := p.labels(grpctest.Message("io.kubernetes.container.name", o.Name))
	for key, value := range o.Labels {
		labels = append(labels, grpctest.Message(key, value))
	}
	var env [][]byte
	for key, value := range o.Env {
		env = append(env, grpctest.Message(key, value))
	}
	m = grpctest.With(grpctest.With(m, 6, env...), 9, slices.Clip(labels)...)
	id = p.k.id("CreateContainer", grpctest.Message(p.ID, m, p.config()))
	if !o.NoStart {
		p.k.Ask("StartContainer", grpctest.Message(id))
	}
	return id
}

// Stop kills a container at once.
func (p *Pod) Stop(id string) {
	p.k.t.Helper()
	p.k.Ask("StopContainer", grpctest.Message(id, 0))
}

// Start starts a container that was made without.
func (p *Pod) Start(id string) {
	p.k.t.Helper()
	p.k.Ask("StartContainer", grpctest.Message(id))
}

// PID is the number of a container's first process, as containerd's own client tells it.
func (k *Kubelet) PID(id string) (pid int) {
	k.t.Helper()
	for line := range strings.Lines(k.Ctr(k.t, "k8s.io", "tasks", "list")) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == id {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				k.t.Fatal(err)
			}
			return n
		}
	}
	k.t.Fatalf("container %s has no task", id)
	return 0
}
