package target

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/nsutil"
)

// NetNSDirs are where network namespaces have names: those of ip-netns(8) and of CNI's, which a
// netns://NAME is one of, and Docker's, which have paths.
var (
	netNSNames = []string{"/run/netns", "/var/run/netns"}
	NetNSDirs  = append(slices.Clip(netNSNames), "/run/docker/netns", "/var/run/docker/netns")
)

// netNSLimit is how long it may take to find a namespace's file.
const netNSLimit = 10 * time.Second

// netnses is a runtime that only finds: network namespaces of this host that have a name or path.
type netnses struct{}

var _ Runtime = netnses{}

func (netnses) Scheme() string { return NetNSScheme }

func (netnses) Owner() int { return 0 }

func (netnses) List(context.Context, Filter) ([]Info, error) { return nil, nil }

// Find returns the namespace of that name or path. What is there and is none is a
// fault.NotNetNS.
func (netnses) Find(ctx context.Context, name string) ([]Info, error) {
	file, ns, err := findNetNS(ctx, name)
	if errors.Is(err, linux.ErrNotExist) || errors.Is(err, linux.ErrNotDir) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []Info{{Runtime: NetNSScheme, ID: file, Name: path.Base(file), State: Running}}, ns.Close()
}

// OpenNetNS takes hold of the namespace that Find has told of.
func OpenNetNS(ctx context.Context, c *Info) (*nsutil.NetNS, error) {
	_, ns, err := findNetNS(ctx, c.ID)
	if errors.Is(err, linux.ErrNotExist) {
		return nil, noNetNS(c.ID)
	}
	return ns, err
}

// findNetNS looks for a name in the first directory of names that there is, for a path below the
// root.
func findNetNS(ctx context.Context, name string) (file string, ns *nsutil.NetNS, err error) {
	ctx, cancel := context.WithTimeout(ctx, netNSLimit)
	defer cancel()
	dirs := netNSNames
	if path.IsAbs(name) {
		dirs = []string{"/"}
		if below := filepath.Dir(name); slices.Contains(NetNSDirs, below) { // links lead nowhere else there
			dirs, name = []string{below}, path.Base(name)
		}
	}
	for _, dir := range dirs {
		file = path.Join(dir, name)
		if ns, err = netNSAt(ctx, dir, name); errors.Is(err, linux.ErrNotExist) && isLink(file) {
			err = linux.ErrLoop
		}
		if !errors.Is(err, linux.ErrNotExist) {
			break
		}
	}
	switch {
	case errors.Is(err, nsutil.ErrNotNetNS):
		err = notNetNS(file, "%s is not a network namespace")
	case errors.Is(err, linux.ErrLoop):
		err = notNetNS(file, "%s is a link out of its folder, such as to a process's namespace")
	case err != nil:
		err = fmt.Errorf("find network namespace %s: %w", file, err)
	}
	return file, ns, err
}

// isLink says of what could not be found whether it is a link that leads nowhere.
func isLink(file string) bool {
	info, err := os.Lstat(file)
	return err == nil && info.Mode()&os.ModeSymlink != 0
}

func netNSAt(ctx context.Context, dir, name string) (*nsutil.NetNS, error) {
	below, err := linux.OpenPath(dir)
	if err != nil {
		return nil, err
	}
	defer below.Close()
	return nsutil.FindNetNS(ctx, below, name)
}

func notNetNS(file, format string) error { return fault.New(fault.NotNetNS, file, format, file) }

func noNetNS(name string) error {
	return fault.New(fault.NoNetNS, name, "no network namespace %q", name)
}

// Inspect is Find of a path.
func (r netnses) Inspect(ctx context.Context, id string) (*Info, error) {
	list, err := r.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, noNetNS(id)
	}
	return &list[0], nil
}

func (netnses) Rootfs(context.Context, *Info) (Layers, error) { return Layers{}, nil }

// Watch has nothing to tell: a name that comes again is another namespace's.
func (netnses) Watch(ctx context.Context, f Filter) (<-chan Event, error) {
	return pids{}.Watch(ctx, f)
}

func (netnses) Health(context.Context) (string, error) { return "there", nil }

func (netnses) Close() error { return nil }

// NetNS is a network namespace with a path.
type NetNS struct {
	Name string    `json:"name"`
	Path string    `json:"path"`
	ID   nsutil.ID `json:"-"`
}

// maxNetNS is the most in one directory that are listed.
const maxNetNS = 1 << 14

// NetNSes lists the network namespaces that have a name in one of some directories, by name. A
// directory that is reached by two paths counts once. Files that are no namespaces are left out.
func NetNSes(ctx context.Context, dirs []string) (list []NetNS, err error) {
	seen := map[nsutil.ID]bool{}
	for _, dir := range dirs {
		below, err := linux.OpenPath(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		st, err := linux.Fstat(below)
		id := nsutil.ID{Dev: st.Dev, Ino: st.Ino}
		if err == nil && !seen[id] {
			seen[id] = true
			var more []NetNS
			more, err = netNSesIn(ctx, dir, below)
			list = append(list, more...)
		}
		if err = errors.Join(err, below.Close()); err != nil {
			return nil, fmt.Errorf("list network namespaces in %s: %w", dir, err)
		}
	}
	slices.SortFunc(list, func(a, b NetNS) int { return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Path, b.Path)) })
	return list, nil
}

func netNSesIn(ctx context.Context, dir string, below *linux.FD) (list []NetNS, err error) {
	names, err := linux.ReadDir(below, maxNetNS)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		ns, err := nsutil.FindNetNS(ctx, below, name)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil { // removed meanwhile, or none
			continue
		}
		list = append(list, NetNS{name, path.Join(dir, name), ns.ID()})
		if err := ns.Close(); err != nil {
			return nil, err
		}
	}
	return list, nil
}
