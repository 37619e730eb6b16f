package podman

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"dlx/target"
)

var _ target.Stills = (*Runtime)(nil)

// kept is what inspect tells of how a container would be run, and how it ended (podman,
// libpod/define/container_inspect.go).
type kept struct {
	State struct {
		ExitCode   int
		FinishedAt time.Time
		OOMKilled  bool
		Error      string
	}
	Config struct {
		Entrypoint words
		Cmd        []string
		Hostname   string
	}
	BoundingCaps []string

	ProcessLabel, AppArmorProfile string

	Mounts     []struct{ Destination string }
	HostConfig struct {
		CapDrop, SecurityOpt []string
		IDMappings           struct{ UidMap, GidMap []string }
	}
}

// words are a list, or a line of words as Podman 4 has an entry point.
type words []string

func (w *words) UnmarshalJSON(data []byte) error {
	var line string
	if json.Unmarshal(data, &line) == nil {
		*w = strings.Fields(line)
		return nil
	}
	return json.Unmarshal(data, (*[]string)(w))
}

// Still returns what inspect says. That of another user than root's is that user's word, and its
// directories are not root's to open.
func (r *Runtime) Still(ctx context.Context, c *target.Info) (still *target.Still, err error) {
	if r.options.Owner != 0 {
		return nil, target.NoStill(c.Name, "the files of %q are those of user %d, in a mount namespace of theirs", c.Name, r.options.Owner)
	}
	if !plain(c.ID, maxName) {
		return nil, notFound(c.ID)
	}
	err = r.ask(ctx, "inspect container "+c.Name, api+"/containers/"+c.ID+"/json", r.most, func(_ string, answer []byte) (err error) {
		still, err = readStill(answer)
		return err
	})
	if err != nil {
		return nil, err
	}
	if still.ID != c.ID {
		return nil, notFound(c.ID)
	}
	if still.Layers.Upper == "" {
		return nil, target.NoStill(still.Name, "podman names no layers of %q: it does not keep them as an overlay's", still.Name)
	}
	still.Dirs = append([]string{still.Layers.Upper}, still.Layers.Lower...)
	still.Merged = still.Layers.Merged
	return still, nil
}

// readStill reads the same answer twice: what every verb takes of it, and the rest.
func readStill(answer []byte) (*target.Still, error) {
	d, err := readDetails(answer)
	if err != nil {
		return nil, err
	}
	info, err := d.info()
	if err != nil {
		return nil, err
	}
	var k kept
	if err := json.NewDecoder(bytes.NewReader(answer)).Decode(&k); err != nil {
		return nil, err
	}
	still := &target.Still{
		Info: *info, Entrypoint: k.Config.Entrypoint, Command: k.Config.Cmd, Hostname: k.Config.Hostname, Only: k.BoundingCaps, Without: k.HostConfig.CapDrop,
		Label: cmp.Or(k.ProcessLabel, k.AppArmorProfile), NoNewPrivs: slices.Contains(k.HostConfig.SecurityOpt, "no-new-privileges"),
	}
	if t := k.State.FinishedAt; t.Year() > 1 || k.State.Error != "" {
		still.End = &target.End{Status: k.State.ExitCode, OutOfMemory: k.State.OOMKilled, Error: k.State.Error}
		if t.Year() > 1 {
			still.End.Time = t
		}
	}
	for _, m := range k.Mounts {
		still.Volumes = append(still.Volumes, m.Destination)
	}
	slices.Sort(still.Volumes)
	if still.UIDs, err = readMaps(k.HostConfig.IDMappings.UidMap); err == nil {
		still.GIDs, err = readMaps(k.HostConfig.IDMappings.GidMap)
	}
	return still, err
}

// maxMaps is the most that the kernel takes (user_namespaces(7)).
const maxMaps = 340

// readMaps reads INSIDE:OUTSIDE:COUNT.
func readMaps(list []string) (maps []target.IDMap, err error) {
	if len(list) > maxMaps {
		return nil, fmt.Errorf("%d ranges of users are more than there can be", len(list))
	}
	for _, text := range list {
		var m target.IDMap
		if _, err := fmt.Sscanf(text, "%d:%d:%d", &m.Inside, &m.Outside, &m.Count); err != nil {
			return nil, fmt.Errorf("%.40q is no range of users: %w", text, err)
		}
		maps = append(maps, m)
	}
	return maps, nil
}
