package docker

import (
	"context"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"dlx/fault"
	"dlx/target"
)

// List returns containers by name. The numbers of their processes come from one look at /proc, and
// not from a question to the runtime for each. A number is 0 if /proc does not tell.
func (r *Runtime) List(ctx context.Context, f target.Filter) (list []target.Info, err error) {
	pids := make(chan map[string]int, 1)
	go func() {
		defer close(pids)
		if f.PIDs {
			pids <- target.PIDs()
		}
	}()
	err = r.ask(ctx, "list containers", func(ctx context.Context) error {
		res, err := r.client.ContainerList(ctx, client.ContainerListOptions{All: f.All, Filters: filters(f)})
		for _, c := range res.Items {
			list = append(list, infoOfSummary(&c))
		}
		return err
	})
	first := <-pids
	for i := range list {
		list[i].PID = first[list[i].ID]
	}
	slices.SortFunc(list, func(a, b target.Info) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}

// filters are a filter's own as the API has them.
func filters(f target.Filter) client.Filters {
	list := client.Filters{}
	if f.ID != "" {
		list.Add("id", f.ID)
	}
	if len(f.Labels) > 0 {
		list.Add("label", f.Labels...)
	}
	return list
}

// Find asks for the name or ID first. The runtime knows prefixes of IDs only, and only the text of
// its answer tells a prefix of none from one of several. So those are looked for in the list. A
// name that begins with a dot is none: with it a path of the API would lead elsewhere.
func (r *Runtime) Find(ctx context.Context, name string) ([]target.Info, error) {
	if strings.HasPrefix(name, ".") {
		return nil, nil
	}
	info, err := r.inspect(ctx, name)
	switch {
	case err == nil && (info.Name == name || info.ID == name):
		return []target.Info{*info}, nil
	case err == nil, errdefs.IsNotFound(err), errdefs.IsInvalidArgument(err), errdefs.IsConflict(err), errdefs.IsInternal(err):
	default:
		return nil, err
	}
	all, lerr := r.List(ctx, target.Filter{All: true})
	if lerr != nil {
		return nil, lerr
	}
	hits := withPrefix(all, name)
	switch {
	case len(hits) == 1:
		info, err := r.Inspect(ctx, hits[0].ID)
		if err != nil {
			return nil, err
		}
		return []target.Info{*info}, nil
	case len(hits) == 0 && err != nil && !errdefs.IsNotFound(err):
		return nil, err
	}
	return hits, nil
}

// withPrefix returns the container of that name or, if there is none, those whose name or ID begins
// with prefix.
func withPrefix(infos []target.Info, prefix string) []target.Info {
	var hits []target.Info
	for _, c := range infos {
		switch {
		case c.Name == prefix:
			return []target.Info{c}
		case strings.HasPrefix(c.ID, prefix), strings.HasPrefix(c.Name, prefix):
			hits = append(hits, c)
		}
	}
	return hits
}

// Inspect returns what the runtime says of a container now.
func (r *Runtime) Inspect(ctx context.Context, id string) (*target.Info, error) {
	info, err := r.inspect(ctx, id)
	if errdefs.IsNotFound(err) {
		return nil, fault.New(fault.NotFound, id, "no container %q", id)
	}
	return info, err
}

func (r *Runtime) inspect(ctx context.Context, name string) (info *target.Info, err error) {
	err = r.ask(ctx, "inspect container "+name, func(ctx context.Context) error {
		res, err := r.client.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
		if err == nil {
			info = infoOf(&res.Container)
		}
		return err
	})
	return info, err
}

// Rootfs completes what inspect says. With the containerd image store that is nothing: the merged
// directory is DockerRootDir/rootfs/DRIVER/ID while the container runs (moby,
// daemon/containerd/mount.go), and containerd has the layers of one that does not.
func (r *Runtime) Rootfs(ctx context.Context, c *target.Info) (target.Layers, error) {
	layers := c.Layers
	if layers.Merged != "" {
		return layers, nil
	}
	if !c.State.Live() {
		if layers.Upper != "" {
			return layers, nil
		}
		return r.layersOfStopped(ctx, c.ID)
	}
	err := r.ask(ctx, "ask the runtime for its root directory", func(ctx context.Context) error {
		res, err := r.client.Info(ctx, client.InfoOptions{})
		if root, driver := res.Info.DockerRootDir, res.Info.Driver; filepath.IsAbs(root) && driver != "" {
			layers.Merged = filepath.Join(root, "rootfs", driver, c.ID)
		}
		return err
	})
	return layers, err
}

func infoOfSummary(c *container.Summary) target.Info {
	info := target.Info{Runtime: Scheme, ID: c.ID, Image: c.Image, Labels: c.Labels, State: target.State(c.State)}
	for _, name := range c.Names {
		if name = strings.TrimPrefix(name, "/"); !strings.Contains(name, "/") { // "/other/alias" is an old-style link
			info.Name = name
		}
	}
	if c.NetworkSettings == nil {
		return info
	}
	for _, n := range c.NetworkSettings.Networks {
		for _, a := range []netip.Addr{n.IPAddress, n.GlobalIPv6Address} {
			if a.IsValid() && !a.IsUnspecified() {
				info.Addresses = append(info.Addresses, a.Unmap())
			}
		}
	}
	return info
}

func infoOf(c *container.InspectResponse) *target.Info {
	info := &target.Info{Runtime: Scheme, ID: c.ID, Name: strings.TrimPrefix(c.Name, "/"), Image: c.Image}
	if c.Config != nil {
		info.Image, info.Labels, info.Env = c.Config.Image, c.Config.Labels, c.Config.Env
		info.WorkingDir, info.User = c.Config.WorkingDir, c.Config.User
	}
	if c.State != nil {
		info.State, info.PID = target.State(c.State.Status), c.State.Pid
		info.Started, _ = time.Parse(time.RFC3339Nano, c.State.StartedAt)
	}
	info.Layers = layersOf(c.GraphDriver)
	return info
}
