package docker

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/storage"
	"github.com/moby/moby/client"
	"github.com/moby/sys/user"

	"dlx/target"
)

var _ target.Stills = (*Runtime)(nil)

// Still returns what inspect says, and the runtime's user namespace.
func (r *Runtime) Still(ctx context.Context, c *target.Info) (still *target.Still, err error) {
	err = r.ask(ctx, "inspect container "+c.Name, func(ctx context.Context) error {
		res, err := r.client.ContainerInspect(ctx, c.ID, client.ContainerInspectOptions{})
		if err == nil {
			still = stillOf(&res.Container)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if still.Layers.Upper == "" {
		if still.Layers, err = r.layersOfStopped(ctx, still.ID); err != nil {
			return nil, err
		}
	}
	if err := place(still); err != nil {
		return nil, err
	}
	if err := r.remap(ctx, &still.UIDs, &still.GIDs); err != nil {
		return nil, err
	}
	return still, nil
}

// place checks that the files are where the host has them.
func place(still *target.Still) error {
	still.Dirs = slices.Clone(still.Layers.Lower)
	if still.Layers.Upper != "" {
		still.Dirs = slices.Insert(still.Dirs, 0, still.Layers.Upper)
	}
	still.Merged = still.Layers.Merged
	if len(still.Dirs) == 0 {
		return target.NoStill(still.Name, "docker names no layers of %q: it keeps them otherwise than as an overlay's", still.Name)
	}
	return nil
}

// remap adds the user namespace that the runtime puts its containers in. It says that it has one,
// and its root's numbers are in the name of its directory (moby, daemon/daemon_unix.go,
// setupDaemonRoot); the ranges are those of the host's files, which the daemon has read too.
func (r *Runtime) remap(ctx context.Context, uids, gids *[]target.IDMap) error {
	return r.ask(ctx, "ask the runtime for its user namespace", func(ctx context.Context) error {
		res, err := r.client.Info(ctx, client.InfoOptions{})
		if err != nil || !slices.Contains(res.Info.SecurityOptions, "name=userns") {
			return err
		}
		uid, gid, err := remapRoot(res.Info.DockerRootDir)
		if err != nil {
			return err
		}
		if *uids, err = ranges("/etc/subuid", uid); err == nil {
			*gids, err = ranges("/etc/subgid", gid)
		}
		return err
	})
}

// remapRoot takes the numbers from DIRECTORY/UID.GID.
func remapRoot(dir string) (uid, gid int64, err error) {
	first, second, ok := strings.Cut(path.Base(dir), ".")
	if uid, err = strconv.ParseInt(first, 10, 32); err == nil && ok {
		gid, err = strconv.ParseInt(second, 10, 32)
	}
	if err != nil || !ok || uid < 0 || gid < 0 {
		return 0, 0, fmt.Errorf("the directory %.200q does not say which user its root is", dir)
	}
	return uid, gid, nil
}

// maxRanges is the most that the kernel takes (user_namespaces(7)).
const maxRanges = 340

// ranges are those of the user or group whose first one begins with a number, one behind the other
// (subuid(5)).
func ranges(file string, first int64) (maps []target.IDMap, err error) {
	all, err := user.ParseSubIDFile(file)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(s user.SubID) bool { return s.SubID == first })
	if i < 0 {
		return nil, fmt.Errorf("%s has no range that begins with %d", file, first)
	}
	inside := uint32(0)
	for _, s := range all[i:] {
		if s.Name != all[i].Name {
			continue
		}
		if s.SubID < 0 || s.Count <= 0 || s.SubID+s.Count > 1<<32-1 || int64(inside)+s.Count > 1<<32-1 || len(maps) == maxRanges {
			return nil, fmt.Errorf("%s has a range %d of %d that can not be", file, s.SubID, s.Count)
		}
		maps = append(maps, target.IDMap{Inside: inside, Outside: uint32(s.SubID), Count: uint32(s.Count)})
		inside += uint32(s.Count)
	}
	return maps, nil
}

func stillOf(c *container.InspectResponse) *target.Still {
	still := &target.Still{Info: *infoOf(c), Label: cmp.Or(c.ProcessLabel, c.AppArmorProfile)}
	if c.Config != nil {
		still.Entrypoint, still.Command, still.Hostname = c.Config.Entrypoint, c.Config.Cmd, c.Config.Hostname
	}
	for _, m := range c.Mounts {
		still.Volumes = append(still.Volumes, m.Destination)
	}
	slices.Sort(still.Volumes)
	if h := c.HostConfig; h != nil {
		still.Only, still.Without = capabilities(h.CapAdd, h.CapDrop)
		still.NoNewPrivs = slices.ContainsFunc(h.SecurityOpt, func(o string) bool {
			return o == "no-new-privileges" || o == "no-new-privileges:true" || o == "no-new-privileges=true"
		})
	}
	still.End = endOf(c.State)
	return still
}

// capabilities are those that a container has at most, if it lacks all but some, or those of the
// default that it lacks.
func capabilities(add, drop []string) (only, without []string) {
	for _, name := range drop {
		if strings.EqualFold(name, "ALL") {
			return append([]string{}, add...), nil
		}
	}
	return nil, drop
}

// endOf is how a container ended. One that could not be started has an error and no start.
func endOf(s *container.State) *target.End {
	if s == nil {
		return nil
	}
	end := &target.End{Status: s.ExitCode, OutOfMemory: s.OOMKilled, Error: s.Error}
	if t, err := time.Parse(time.RFC3339Nano, s.FinishedAt); err == nil && t.Year() > 1 {
		end.Time = t
	}
	if end.Time.IsZero() && end.Error == "" {
		return nil
	}
	return end
}

// layersOf are an overlay's directories.
func layersOf(g *storage.DriverData) (layers target.Layers) {
	if g == nil {
		return layers
	}
	layers.Merged, layers.Upper = g.Data["MergedDir"], g.Data["UpperDir"]
	if lower := g.Data["LowerDir"]; lower != "" {
		layers.Lower = strings.Split(lower, ":")
	}
	return layers
}
