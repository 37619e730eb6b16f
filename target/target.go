package target

import (
	"context"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Runtime is a container runtime of this host. Each call bounds itself in time, and all of them may
// be made at once: one caller that gives up ends no other's call.
type Runtime interface {
	// Scheme names the runtime in `SCHEME://NAME`: "docker".
	Scheme() string
	// Owner is the user whose runtime it is, by number; 0 is root. What another user's says is that
	// user's word.
	Owner() int
	// List returns the containers that a filter lets through, by name.
	List(ctx context.Context, f Filter) ([]Info, error)
	// Find returns every container that has the name or ID, or else those that have it as a prefix.
	// None is no error. A single one is as Inspect would return it.
	Find(ctx context.Context, name string) ([]Info, error)
	// Inspect returns what there is to know of a container. One that is gone is a fault.NotFound.
	Inspect(ctx context.Context, id string) (*Info, error)
	// Rootfs returns the host directories of a container's files. Those of a runtime that has none
	// to tell are empty.
	Rootfs(ctx context.Context, c *Info) (Layers, error)
	// Watch tells of the containers that start from now on: it has subscribed when it returns. The
	// channel is closed when ctx ends, after an event with an error, or when nothing can start.
	Watch(ctx context.Context, f Filter) (<-chan Event, error)
	// Health returns a line on the runtime's versions and where it is, or why it does not answer.
	Health(ctx context.Context) (string, error)
	// Close releases the connections.
	Close() error
}

// Wholes is a runtime that finds a very name or ID without a look at all of its containers.
type Wholes interface {
	// FindWhole is Find without what only begins so.
	FindWhole(ctx context.Context, name string) ([]Info, error)
}

// Filter chooses containers; the zero value, all that have a process.
type Filter struct {
	All    bool     // those without a process too
	ID     string   // that one alone
	Place  string   // those that have stood there, one after another: see Info.Place
	Labels []string // KEY or KEY=VALUE: those that have all of them
	PIDs   bool     // with their processes' numbers, which take a look at /proc
}

// Labelled says whether labels have all of the filter's.
func (f *Filter) Labelled(labels map[string]string) bool {
	for _, l := range f.Labels {
		key, value, valued := strings.Cut(l, "=")
		if got, ok := labels[key]; !ok || valued && got != value {
			return false
		}
	}
	return true
}

// Event is the start of a container, or the end of all events.
type Event struct {
	Ref Ref
	Err error // why nothing more is told, in the last event
}

// State is what a runtime says of a container.
type State string

// The states that dlx tells apart; a runtime's other ones are passed through.
const (
	Running State = "running"
	Paused  State = "paused"
	Created State = "created"
	// Restarting is between an end and the start that the restart policy asks for.
	Restarting State = "restarting"
	Exited     State = "exited"
)

// Live says whether there is a process to join.
func (s State) Live() bool { return s == Running || s == Paused }

// Info is what a runtime says of a container, as plain data.
type Info struct {
	Runtime    string            `json:"runtime"` // its scheme
	ID         string            `json:"id"`      // containerd's: NAMESPACE/ID
	Name       string            `json:"name"`
	Image      string            `json:"image"`
	Labels     map[string]string `json:"labels,omitempty"`
	Env        []string          `json:"-"` // as a runtime tells it; see Target.Environ
	WorkingDir string            `json:"working_dir,omitempty"`
	User       string            `json:"user,omitempty"`
	State      State             `json:"state"`
	PID        int               `json:"pid"`
	Owner      int               `json:"owner,omitempty"` // the user whose runtime it is, by number; 0 is root
	Started    time.Time         `json:"started,omitzero"`
	Cgroup     string            `json:"-"` // its path as in /proc/PID/cgroup, if the runtime tells it
	Layers     Layers            `json:"layers,omitzero"`
	Addresses  []netip.Addr      `json:"-"` // in the networks of its runtime
	// Place is where it stands, for who makes another container for each restart, as Kubernetes
	// does: in a pod, by a name. It is empty where a restart keeps the ID.
	Place string `json:"-"`
	// Awaited says of one that has ended that its pod lives on, so that another may take its place.
	// Only Inspect finds that out.
	Awaited bool `json:"-"`
}

// Ref names the container and no other one.
func (c *Info) Ref() Ref {
	if c.Owner != 0 {
		return Ref{c.Runtime, strconv.Itoa(c.Owner) + "/" + c.ID}
	}
	return Ref{c.Runtime, c.ID}
}

// successors lets the container's next starts through: its own, or those of what takes its place.
func (c *Info) successors() Filter {
	if c.Place != "" {
		return Filter{Place: c.Place}
	}
	return Filter{ID: c.ID}
}

// Lasting names what stays the same over the container's restarts.
func (c *Info) Lasting() Ref {
	if c.Place != "" {
		return Ref{c.Runtime, c.Place}
	}
	return c.Ref()
}

// BareID is the ID without the namespace that containerd has it in.
func (c *Info) BareID() string { return c.ID[strings.LastIndexByte(c.ID, '/')+1:] }

// CleanDir says whether a runtime names a directory of the host's as it is, without a detour.
func CleanDir(dir string) bool { return filepath.IsAbs(dir) && filepath.Clean(dir) == dir }

// ShortID is the bare ID for people: of the usual 64 hexadecimal digits the first 12.
func (c *Info) ShortID() string {
	id := c.BareID()
	if IsRandomID(id) {
		return id[:12]
	}
	return id
}

// named says whether the container has that very name or ID.
func (c *Info) named(name string) bool { return name == c.Name || name == c.ID || name == c.BareID() }

// idLength is the length in bytes of the IDs that runtimes make up.
const idLength = 64

// IsRandomID says whether an ID is one that a runtime made up, which no other container has.
func IsRandomID(id string) bool { return len(id) == idLength && !strings.ContainsFunc(id, notHex) }

func notHex(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') }

// Layers are the host directories of a container's file system, from the runtime's API and never
// from the container's own mountinfo, which it can forge. Empty ones are not known.
type Layers struct {
	Merged string   `json:"merged,omitempty"` // the mounted overlay; there while the container runs
	Upper  string   `json:"upper,omitempty"`  // the writable layer
	Lower  []string `json:"lower,omitempty"`  // the image's layers, uppermost first
}
