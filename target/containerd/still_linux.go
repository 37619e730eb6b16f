package containerd

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"dlx/target"
)

var _ target.Stills = (*Runtime)(nil)

// stillSpec is what of OCI's specification says how a container would be run.
type stillSpec struct {
	Hostname string `json:"hostname"`
	Process  struct {
		Args         []string `json:"args"`
		Capabilities *struct {
			Bounding []string `json:"bounding"`
		} `json:"capabilities"`
		NoNewPrivileges bool   `json:"noNewPrivileges"`
		AppArmorProfile string `json:"apparmorProfile"`
		SelinuxLabel    string `json:"selinuxLabel"`
	} `json:"process"`
	Mounts []struct {
		Destination string `json:"destination"`
		Type        string `json:"type"`
	} `json:"mounts"`
	Linux struct {
		UIDMappings []idMap `json:"uidMappings"`
		GIDMappings []idMap `json:"gidMappings"`
	} `json:"linux"`
}

type idMap struct {
	ContainerID uint32 `json:"containerID"`
	HostID      uint32 `json:"hostID"`
	Size        uint32 `json:"size"`
}

// Still returns what the container's specification says. How it ended containerd has forgotten with
// its task; until that is deleted its files are mounted.
func (r *Runtime) Still(ctx context.Context, c *target.Info) (*target.Still, error) {
	layers, err := r.Rootfs(ctx, c)
	if err != nil {
		return nil, err
	}
	switch {
	case layers.Upper == "" && layers.Merged != "":
		return nil, target.NoStill(c.Name, "container %q does not run, and its files are still mounted at %s: its task has not been deleted", c.Name, layers.Merged)
	case layers.Upper == "":
		return nil, target.NoStill(c.Name, "containerd names no layers of %q: its snapshotter is no overlay's", c.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	namespace, id, err := r.locate(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	rec, err := r.record(ctx, namespace, id)
	if err != nil {
		return nil, err
	}
	still := &target.Still{Info: *c, Dirs: append([]string{layers.Upper}, layers.Lower...), Merged: layers.Merged}
	return still, rec.keep(still)
}

// keep adds what the specification says.
func (c *record) keep(still *target.Still) error {
	if len(c.spec) == 0 {
		return nil
	}
	var s stillSpec
	if err := json.Unmarshal(c.spec, &s); err != nil {
		return fmt.Errorf("parse the specification of container %q: %w", still.ID, err)
	}
	still.Command, still.Hostname, still.NoNewPrivs = s.Process.Args, s.Hostname, s.Process.NoNewPrivileges
	still.Label = cmp.Or(s.Process.SelinuxLabel, s.Process.AppArmorProfile)
	still.Only = []string{}
	if s.Process.Capabilities != nil {
		still.Only = append(still.Only, s.Process.Capabilities.Bounding...)
	}
	for _, m := range s.Mounts {
		if m.Type == "bind" {
			still.Volumes = append(still.Volumes, m.Destination)
		}
	}
	slices.Sort(still.Volumes)
	still.UIDs, still.GIDs = mapsOf(s.Linux.UIDMappings), mapsOf(s.Linux.GIDMappings)
	return nil
}

func mapsOf(list []idMap) (maps []target.IDMap) {
	for _, m := range list {
		maps = append(maps, target.IDMap{Inside: m.ContainerID, Outside: m.HostID, Count: m.Size})
	}
	return maps
}
