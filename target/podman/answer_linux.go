package podman

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"dlx/target"
)

const (
	maxContainers = 1 << 16
	maxPID        = 1 << 22 // PID_MAX_LIMIT (the kernel's linux/threads.h)
	maxName       = 1 << 12
	maxState      = 32
)

// summary is a container of a list (podman, pkg/domain/entities/container_ps.go).
type summary struct {
	ID      string `json:"Id"`
	Names   []string
	Image   string
	Labels  map[string]string
	State   string
	Pid     int
	PodName string
	IsInfra bool
}

// details is what inspect tells (podman, libpod/define/container_inspect.go).
type details struct {
	ID        string `json:"Id"`
	Name      string
	ImageName string
	IsInfra   bool
	State     struct {
		Status     string
		Pid        int
		StartedAt  time.Time
		CgroupPath string
	}
	Config struct {
		Env        []string
		Labels     map[string]string
		User       string
		WorkingDir string
	}
	GraphDriver     struct{ Data map[string]string }
	NetworkSettings struct {
		network
		Networks map[string]network
	}
}

type network struct{ IPAddress, GlobalIPv6Address string }

// event is one of a stream, or why there is none: Podman sends that after a status of success.
type event struct {
	Type   string
	Action string
	Actor  struct {
		ID         string
		Attributes map[string]string // labels, and on top of them what is in ownAttributes
	}
	TimeNano int64
	Message  string
}

// readList reads a list of containers.
func readList(answer []byte) (list []summary, err error) {
	dec := json.NewDecoder(bytes.NewReader(answer))
	begin, err := dec.Token()
	if err != nil {
		return nil, whole(err)
	}
	if begin != json.Delim('[') {
		return nil, fmt.Errorf("the answer begins with %.20q, and not a list", fmt.Sprint(begin))
	}
	for dec.More() {
		if len(list) == maxContainers {
			return nil, fmt.Errorf("there are more than %d containers", maxContainers)
		}
		var s summary
		if err := dec.Decode(&s); err != nil {
			return nil, whole(err)
		}
		list = append(list, s)
	}
	if _, err := dec.Token(); err != nil {
		return nil, whole(err)
	}
	return list, ended(dec)
}

// readDetails reads what inspect tells.
func readDetails(answer []byte) (*details, error) {
	dec := json.NewDecoder(bytes.NewReader(answer))
	d := &details{}
	if err := dec.Decode(d); err != nil {
		return nil, whole(err)
	}
	return d, ended(dec)
}

// ended checks that nothing follows an answer.
func ended(dec *json.Decoder) error {
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.Join(errors.New("something follows the answer"), err)
	}
	return nil
}

// whole says of an answer that ends too early that it does.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (s *summary) name() string {
	if len(s.Names) == 0 {
		return ""
	}
	return s.Names[0]
}

// info is what dlx knows of a container in a list. It has no time of the start: that of a list has
// whole seconds.
func (s *summary) info() (target.Info, error) {
	info := target.Info{Runtime: Scheme, ID: s.ID, Name: s.name(), Image: s.Image, Labels: s.Labels, State: stateOf(s.State), PID: s.Pid}
	return info, check(&info)
}

func (d *details) info() (*target.Info, error) {
	info := &target.Info{
		Runtime: Scheme, ID: d.ID, Name: d.Name, Image: d.ImageName, Labels: d.Config.Labels, Env: d.Config.Env,
		WorkingDir: d.Config.WorkingDir, User: d.Config.User, State: stateOf(d.State.Status), PID: d.State.Pid,
		Started: d.State.StartedAt, Cgroup: cgroupOf(d.State.CgroupPath, d.ID), Addresses: d.addresses(),
	}
	for name, dir := range map[string]*string{"MergedDir": &info.Layers.Merged, "UpperDir": &info.Layers.Upper} {
		*dir = d.GraphDriver.Data[name]
	}
	if lower := d.GraphDriver.Data["LowerDir"]; lower != "" {
		info.Layers.Lower = strings.Split(lower, ":")
	}
	return info, check(info)
}

// check refuses what Podman does not say of a container, and takes the old process's number from
// one that has ended.
func check(info *target.Info) error {
	switch {
	case !target.IsRandomID(info.ID):
		return fmt.Errorf("a container has the ID %.80q", info.ID)
	case !plain(info.Name, maxName):
		return fmt.Errorf("container %.12s has the name %.80q", info.ID, info.Name)
	case len(info.State) > maxState || strings.Trim(string(info.State), "abcdefghijklmnopqrstuvwxyz ") != "":
		return fmt.Errorf("container %.12s has the state %.80q", info.ID, info.State)
	case info.PID < 0 || info.PID > maxPID:
		return fmt.Errorf("container %.12s has process %d", info.ID, info.PID)
	}
	for _, dir := range append([]string{info.Layers.Merged, info.Layers.Upper}, info.Layers.Lower...) {
		if dir != "" && !target.CleanDir(dir) {
			return fmt.Errorf("container %.12s has the directory %.80q", info.ID, dir)
		}
	}
	if !info.State.Live() {
		info.PID = 0
	}
	return nil
}

// plain says whether a text is of the letters that Podman has in names and versions, as names
// begin.
func plain(s string, most int) bool {
	return s != "" && len(s) <= most && !strings.ContainsRune("_.-", rune(s[0])) && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_.-+~", r)
	})
}

// stateOf translates a state (podman, libpod/define/containerstate.go).
func stateOf(s string) target.State {
	switch s {
	case "stopping": // its process has until the timeout
		return target.Running
	case "stopped": // its process has ended, and nothing is cleaned up yet
		return target.Exited
	case "initialized": // the OCI runtime waits to execute its program
		return target.Created
	}
	return target.State(s)
}

// cgroupOf takes a path that names the container. Podman reads it from /proc/PID/cgroup when it is
// asked (libpod/container.go, cGroupPath): a rootless container's may be the user's, and that of a
// number that was used again, another container's.
func cgroupOf(path, id string) string {
	for part := range strings.SplitSeq(path, "/") {
		if part = strings.TrimSuffix(part, ".scope"); part == "libpod-"+id || part == "libpod-payload-"+id {
			return path
		}
	}
	return ""
}

// addresses are those in its networks, in the order of their names.
func (d *details) addresses() (list []netip.Addr) {
	networks := []network{d.NetworkSettings.network}
	for _, name := range slices.Sorted(maps.Keys(d.NetworkSettings.Networks)) {
		networks = append(networks, d.NetworkSettings.Networks[name])
	}
	for _, n := range networks {
		for _, text := range []string{n.IPAddress, n.GlobalIPv6Address} {
			if a, err := netip.ParseAddr(text); err == nil && !a.IsUnspecified() && !slices.Contains(list, a.Unmap()) {
				list = append(list, a.Unmap())
			}
		}
	}
	return list
}
