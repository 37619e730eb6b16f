package containerd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"dlx/target"
	"dlx/target/internal/grpcwire"
)

// Only a snapshot that is active tells its mounts: one is made for the question, and removed. If
// dlx is killed in between, containerd removes it when its lease has ended (containerd,
// docs/garbage-collection.md).
const (
	viewPrefix  = "dlx-"
	leaseHeader = "containerd-lease"
	leaseEnd    = "containerd.io/gc.expire"
	leaseTime   = time.Minute
)

// layersOf returns the directories of a committed snapshot, uppermost first. They stay as long as
// the image does.
func (r *Runtime) layersOf(ctx context.Context, namespace, snapshotter, top string) (dirs []string, err error) {
	const what = "ask for the layers of an image"
	key := viewPrefix + strings.ToLower(rand.Text())
	label := grpcwire.AppendBytes(grpcwire.AppendBytes(nil, 1, leaseEnd), 2, time.Now().Add(leaseTime).UTC().Format(time.RFC3339))
	lease := grpcwire.AppendBytes(grpcwire.AppendBytes(nil, 1, key), 3, label)
	if _, err := r.call(ctx, what, namespace, "leases.v1.Leases/Create", lease); err != nil {
		return nil, err
	}
	defer func() { // also when ctx has ended
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.limit)
		defer cancel()
		remove := grpcwire.AppendBytes(grpcwire.AppendBytes(nil, 1, snapshotter), 2, key)
		_, rerr := r.call(ctx, what, namespace, "snapshots.v1.Snapshots/Remove", remove)
		if grpcwire.Is(rerr, grpcwire.NotFound) { // it was never made
			rerr = nil
		}
		_, derr := r.call(ctx, what, namespace, "leases.v1.Leases/Delete", grpcwire.AppendBytes(nil, 1, key))
		err = errors.Join(err, rerr, derr)
	}()
	view := grpcwire.AppendBytes(grpcwire.AppendBytes(grpcwire.AppendBytes(nil, 1, snapshotter), 2, key), 3, top)
	req := request(namespace, "snapshots.v1.Snapshots/View", view)
	req.Metadata[leaseHeader] = key
	answer, err := r.client.Call(ctx, req)
	if err != nil {
		return nil, r.client.Explain(err, what)
	}
	if dirs, err = parseView(answer); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return dirs, nil
}

// parseView reads the mounts of a view: an overlay of its layers, or a bind mount of the only one.
func parseView(answer []byte) ([]string, error) {
	o, err := parseMounts(answer)
	if err != nil || o.is {
		return o.lower, err
	}
	kind, err := textAt(answer, 1, 1)
	if err != nil || kind != "bind" {
		return nil, err
	}
	source, err := textAt(answer, 1, 2)
	if err != nil || !target.CleanDir(source) {
		return nil, errors.Join(err, fmt.Errorf("%.80q is no directory of a layer", source))
	}
	return []string{source}, nil
}
