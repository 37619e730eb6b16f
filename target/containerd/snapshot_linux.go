package containerd

import (
	"context"
	"errors"

	"dlx/target"
)

// Snapshots is the file systems that a runtime keeps in a containerd, in a namespace of its own,
// without telling where they are.
type Snapshots struct {
	Socket      string // of that containerd
	Namespace   string
	Snapshotter string
}

// Active returns the layers of what has been made writable under a key. Those of what is not there,
// or no overlay's, are empty.
func (s Snapshots) Active(ctx context.Context, key string) (layers target.Layers, err error) {
	r := New(Options{Socket: s.Socket})
	defer func() { err = errors.Join(err, r.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	o, err := r.overlay(ctx, &record{namespace: s.Namespace, snapshotter: s.Snapshotter, key: key})
	if err != nil || !o.is {
		return target.Layers{}, err
	}
	return target.Layers{Upper: o.upper, Lower: o.lower}, nil
}

// Committed returns the directories of an image's layers, uppermost first, by the chain ID of the
// topmost (OCI's image-spec, config.md).
func (s Snapshots) Committed(ctx context.Context, chain string) (dirs []string, err error) {
	r := New(Options{Socket: s.Socket})
	defer func() { err = errors.Join(err, r.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	return r.layersOf(ctx, s.Namespace, s.Snapshotter, chain)
}
