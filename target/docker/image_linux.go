package docker

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"

	"dlx/target"
)

// Images asks for the name first. As with containers, only the text of an answer tells a prefix of
// no ID from one of several: those are looked for in the list.
func (r *Runtime) Images(ctx context.Context, name string) (list []target.Still, err error) {
	var found *target.Still
	var layers []string // their digests
	err = r.ask(ctx, "inspect image "+name, func(ctx context.Context) error {
		res, err := r.client.ImageInspect(ctx, name)
		if err == nil {
			found, layers = imageOf(name, &res.InspectResponse), res.RootFS.Layers
		}
		return err
	})
	switch {
	case err == nil:
		if found.Layers.Upper == "" && len(found.Layers.Lower) == 0 {
			if found.Layers.Lower, err = r.dirsOfImage(ctx, layers); err != nil {
				return nil, err
			}
		}
		if err := place(found); err != nil {
			return nil, err
		}
		if err := r.remap(ctx, &found.UIDs, &found.GIDs); err != nil {
			return nil, err // without its user namespace it is not to be had
		}
		return []target.Still{*found}, nil
	case errdefs.IsNotFound(err):
		return nil, nil
	case !errdefs.IsInvalidArgument(err) && !errdefs.IsConflict(err) && !errdefs.IsInternal(err):
		return nil, err
	}
	list, lerr := r.imagesFrom(ctx, strings.TrimPrefix(name, digestPrefix))
	if lerr != nil || len(list) == 0 {
		return nil, cmp.Or(lerr, err)
	}
	return list, nil
}

const digestPrefix = "sha256:"

// imagesFrom are those whose IDs begin with a text.
func (r *Runtime) imagesFrom(ctx context.Context, prefix string) (list []target.Still, err error) {
	err = r.ask(ctx, "list images", func(ctx context.Context) error {
		res, err := r.client.ImageList(ctx, client.ImageListOptions{All: true})
		for _, i := range res.Items {
			if id := strings.TrimPrefix(i.ID, digestPrefix); strings.HasPrefix(id, prefix) {
				list = append(list, target.Still{Info: target.Info{Runtime: Scheme, ID: i.ID, Name: id, Image: id}})
			}
		}
		return err
	})
	return list, err
}

// imageOf is an image as a container of it would be.
func imageOf(name string, i *image.InspectResponse) *target.Still {
	still := &target.Still{Info: target.Info{Runtime: Scheme, ID: i.ID, Name: name, Image: name}}
	if c := i.Config; c != nil {
		still.Env, still.WorkingDir, still.User, still.Labels = c.Env, c.WorkingDir, c.User, c.Labels
		still.Entrypoint, still.Command = c.Entrypoint, c.Cmd
		still.Volumes = slices.Sorted(maps.Keys(c.Volumes))
	}
	still.Layers = layersOf(i.GraphDriver)
	still.Layers.Merged = "" // of an image nothing is mounted
	return still
}
