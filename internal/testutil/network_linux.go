package testutil

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// network is the container of the default Docker whose network others join.
var network networkKeeper

type networkKeeper struct {
	mu       sync.Mutex
	host, id string
}

// SharedNetwork is a network mode on the default Docker; see Docker.SharedNetwork.
func SharedNetwork(t testing.TB) string {
	t.Helper()
	return RequireDocker(t).SharedNetwork(t)
}

// SharedNetwork is the network mode of a container at whose network, host name and /etc/hosts a
// test does not look: those of one container that the package's tests share, and Main removes. To
// make a network Docker executes its own program twice, which is half of what a start costs. On a
// Docker of the test's own it is Docker's default.
func (d *Docker) SharedNetwork(t testing.TB) string {
	t.Helper()
	if !d.shared {
		return ""
	}
	image := d.Image(t, "pause", Prog(t, "pause"))
	network.mu.Lock()
	defer network.mu.Unlock()
	if network.id == "" {
		res, err := d.Client.ContainerCreate(request(t), client.ContainerCreateOptions{
			Config: &container.Config{Image: image}, HostConfig: &container.HostConfig{}, Name: unique("dlx-test-network-"),
		})
		if err != nil {
			t.Fatalf("create the container of the network: %v", err)
		}
		network.host, network.id = d.Host, res.ID
		if _, err := d.Client.ContainerStart(request(t), res.ID, client.ContainerStartOptions{}); err != nil {
			t.Fatalf("start the container of the network: %v", err)
		}
	}
	return "container:" + network.id
}

// remove removes the container, if there is one.
func (n *networkKeeper) remove() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.id == "" {
		return nil
	}
	d, err := connect(client.WithHost(n.host))
	if err != nil {
		return err
	}
	defer func() { _ = d.Client.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), apiLimit)
	defer cancel()
	if _, err := d.Client.ContainerRemove(ctx, n.id, client.ContainerRemoveOptions{Force: true}); err != nil {
		return fmt.Errorf("remove the container of the network: %w", err)
	}
	n.id = ""
	return nil
}
