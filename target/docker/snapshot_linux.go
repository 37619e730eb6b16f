package docker

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"

	"github.com/moby/moby/client"

	"dlx/target"
	"dlx/target/containerd"
)

// With the containerd image store, Docker keeps files in a containerd's snapshots: a container's by
// its ID, an image's by the chain of its layers. It says where that containerd is, and no directory
// of what does not run (moby, daemon/containerd).

// snapshots is that containerd. ok is false for a Docker with layers of its own.
func (r *Runtime) snapshots(ctx context.Context) (s containerd.Snapshots, ok bool, err error) {
	err = r.ask(ctx, "ask the runtime for its containerd", func(ctx context.Context) error {
		res, err := r.client.Info(ctx, client.InfoOptions{})
		if err != nil || res.Info.Containerd == nil || !filepath.IsAbs(res.Info.Containerd.Address) {
			return err
		}
		for _, line := range res.Info.DriverStatus {
			if line == [2]string{"driver-type", "io.containerd.snapshotter.v1"} {
				ok = true
			}
		}
		s = containerd.Snapshots{Socket: res.Info.Containerd.Address, Namespace: res.Info.Containerd.Namespaces.Containers, Snapshotter: res.Info.Driver}
		return nil
	})
	return s, ok && err == nil, err
}

// layersOfStopped are those of a container that does not run.
func (r *Runtime) layersOfStopped(ctx context.Context, id string) (target.Layers, error) {
	s, ok, err := r.snapshots(ctx)
	if err != nil || !ok {
		return target.Layers{}, err
	}
	return s.Active(ctx, id)
}

// dirsOfImage are those of an image's layers, whose digests are given from the lowest one on.
func (r *Runtime) dirsOfImage(ctx context.Context, layers []string) ([]string, error) {
	s, ok, err := r.snapshots(ctx)
	if err != nil || !ok || len(layers) == 0 {
		return nil, err
	}
	return s.Committed(ctx, chainOf(layers))
}

// chainOf is the ID of layers on top of one another (OCI's image-spec, config.md, "Layer ChainID").
func chainOf(layers []string) string {
	chain := layers[0]
	for _, layer := range layers[1:] {
		chain = fmt.Sprintf("%s%x", digestPrefix, sha256.Sum256([]byte(chain+" "+layer)))
	}
	return chain
}
