package containerd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"dlx/internal/linux"
	"dlx/target"
	"dlx/target/internal/grpcwire"
)

// Rootfs returns the layers of a container whose snapshotter is an overlay's, of another none. The
// merged directory stays mounted until the task is deleted, also one that has stopped. Then the
// upper one of a stopped container is not named: nothing may be changed below a mounted overlay.
func (r *Runtime) Rootfs(ctx context.Context, c *target.Info) (target.Layers, error) {
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	namespace, id, err := r.locate(ctx, c.ID)
	if err != nil {
		return target.Layers{}, err
	}
	rec, err := r.record(ctx, namespace, id)
	if err != nil {
		return target.Layers{}, err
	}
	o, err := r.overlay(ctx, rec)
	if err != nil || !o.is {
		return target.Layers{}, err
	}
	t, err := r.task(ctx, rec)
	if err != nil {
		return target.Layers{}, err
	}
	layers := target.Layers{Upper: o.upper, Lower: o.lower}
	if t.exists() {
		layers.Merged = r.merged(rec, t)
		if !t.state().Live() {
			layers.Upper = ""
		}
	}
	return layers, nil
}

// bundles is where containerd has the merged directories, in its state directory, as
// NAMESPACE/ID/rootfs (containerd, runtime/v2/bundle.go).
const bundles = "io.containerd.runtime.v2.task"

// merged is the directory on which the container's overlay is mounted. If it is not in the state
// directory that is known, it is beside the working directory of the container's shim, which is the
// bundle of the first container that the shim was started for.
func (r *Runtime) merged(c *record, t task) string {
	dir := filepath.Join(r.state, bundles, c.namespace, c.id, "rootfs")
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	shim := linux.Parent(t.process())
	cwd, err := os.Readlink("/proc/" + strconv.Itoa(shim) + "/cwd")
	if err != nil {
		return dir
	}
	if of := filepath.Dir(cwd); strings.HasSuffix(of, "/"+bundles+"/"+c.namespace) {
		return filepath.Join(of, c.id, "rootfs")
	}
	return dir
}

// overlay is the mount of a container's file system, by its snapshotter.
type overlay struct {
	is          bool // an overlay
	upper, work string
	lower       []string // uppermost first
}

// overlay asks the snapshotter, which is none of an overlay's if it has anything else to mount.
func (r *Runtime) overlay(ctx context.Context, c *record) (o overlay, err error) {
	const what = "ask for the layers of a container"
	if c.snapshotter == "" || c.key == "" {
		return overlay{}, nil
	}
	message := grpcwire.AppendBytes(grpcwire.AppendBytes(nil, 1, c.snapshotter), 2, c.key)
	answer, err := r.call(ctx, what, c.namespace, "snapshots.v1.Snapshots/Mounts", message)
	if grpcwire.Is(err, grpcwire.NotFound) {
		return overlay{}, nil
	}
	if err != nil {
		return overlay{}, err
	}
	if o, err = parseMounts(answer); err != nil {
		return overlay{}, fmt.Errorf("%s: %w", what, err)
	}
	return o, nil
}

func parseMounts(answer []byte) (o overlay, err error) {
	var mounts int
	var kind string
	err = grpcwire.Fields(answer, func(f grpcwire.Field) error {
		if f.Number != 1 {
			return nil
		}
		mounts++
		return grpcwire.Fields(f.Bytes(), func(f grpcwire.Field) error {
			switch f.Number {
			case 1:
				kind = f.Text()
			case 4:
				o.option(f.Text())
			}
			return nil
		})
	})
	if err != nil || mounts != 1 || kind != "overlay" {
		return overlay{}, err
	}
	for _, dir := range append([]string{o.upper, o.work}, o.lower...) {
		if dir != "" && !target.CleanDir(dir) {
			return overlay{}, fmt.Errorf("%.80q is no directory of an overlay", dir)
		}
	}
	o.is = true
	return o, nil
}

func (o *overlay) option(text string) {
	switch key, value, _ := strings.Cut(text, "="); key {
	case "upperdir":
		o.upper = value
	case "workdir":
		o.work = value
	case "lowerdir":
		o.lower = strings.Split(value, ":")
	}
}

// unused says whether a container's file system was not mounted since it was made, so that it has
// never been started. Each mount makes a directory in its workdir anew (fs/overlayfs/super.c,
// ovl_workdir_create); one for a look at the image's users is before.
func (r *Runtime) unused(ctx context.Context, c *record) bool {
	o, err := r.overlay(ctx, c)
	if err != nil || o.work == "" {
		return false
	}
	last, err := os.Lstat(filepath.Join(o.work, "work"))
	return errors.Is(err, os.ErrNotExist) || err == nil && last.ModTime().Before(c.created)
}
