package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vishvananda/netlink"

	"dlx/capture"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/target"
)

// TestListOf: the list has who runs, by name, with a shell, from the runtimes that answer and
// beside the errors of the others.
func TestListOf(t *testing.T) {
	if !alone(t) {
		return
	}
	shell := "/" + strings.TrimPrefix(testutil.RequireTool(t, "/bin/sh"), "/") // containers have this machine's files here
	f, broken := newFake(t, "docker"), newFake(t, "podman")
	web, cache := f.run("web"), f.run("cache")
	f.add("created")
	broken.before["list"] = func(context.Context) error { return errors.New("it does not answer") }
	e := localOf(t, engine.LocalOptions{}, f, broken)
	line := func(c *fakeContainer) engine.Container { return engine.Container{Info: c.Info, Shell: shell} }
	list, err := e.List(t.Context())
	if diff := cmp.Diff([]engine.Container{line(cache), line(web)}, list, cmpopts.EquateComparable()); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if err == nil || !strings.Contains(err.Error(), "it does not answer") || fault.Of(err).Op != "list" {
		t.Errorf("beside it %v", err)
	}
	if f.times("inspect") > 0 {
		t.Error("the runtime is asked about those whose processes it has told of")
	}
	names, err := e.Names(t.Context())
	if err == nil || len(names) != 2 || names[0].Name != "cache" || names[0].PID != 0 {
		t.Errorf("names %+v, %v", names, err)
	}
}

// TestListLooks: a runtime that does not tell of processes is asked about each. A container that
// has ended meanwhile has none, and no shell.
func TestListLooks(t *testing.T) {
	if !alone(t) {
		return
	}
	f := newFake(t, "docker")
	web, dead, gone := f.run("web"), f.run("dead"), f.run("gone")
	silent := quiet{f}
	end(dead.cmd)
	f.before["inspect"] = func(context.Context) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.there = slices.DeleteFunc(f.there, func(c *fakeContainer) bool { return c == gone })
		return nil
	}
	e := engine.NewLocal(engine.LocalOptions{Runtimes: []target.Runtime{silent}, State: t.TempDir()})
	list, err := e.List(t.Context())
	if err = errors.Join(err, e.Close()); err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	for i, want := range []struct {
		name  string
		pid   int
		shell bool
	}{{"dead", dead.PID, false}, {"gone", 0, false}, {"web", web.PID, true}} {
		if got := list[i]; got.Name != want.name || got.PID != want.pid || (got.Shell != "") != want.shell {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

// quiet is a runtime whose lists do not tell of processes.
type quiet struct{ *fake }

func (q quiet) List(ctx context.Context, f target.Filter) ([]target.Info, error) {
	f.PIDs = false
	return q.fake.List(ctx, f)
}

// TestListGivesUp: who asks for a list, or for what the machine has, and gives up gets what the
// runtimes that answer have said.
func TestListGivesUp(t *testing.T) {
	if !alone(t) {
		return
	}
	f, silent := newFake(t, "docker"), newFake(t, "podman")
	f.run("web")
	silent.before["list"], silent.before["health"] = hang, hang
	e := localOf(t, engine.LocalOptions{Bundled: smallBox}, silent, f)
	ctx, cancel := context.WithCancel(t.Context())
	f.before["list"] = func(context.Context) error {
		cancel()
		return nil
	}
	list, err := e.List(ctx)
	if len(list) != 1 || list[0].Name != "web" || !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", list, err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	silent.before["health"] = func(ctx context.Context) error {
		cancel()
		return hang(ctx)
	}
	checks, err := e.Health(ctx)
	if err != nil {
		t.Error(err)
	}
	if c := checkOf(checks, "podman"); c.OK || !errors.Is(c.Err, context.Canceled) || c.Found == "" {
		t.Errorf("of the one that does not answer: %+v", c)
	}
	for name, found := range map[string]string{
		"docker": "fake of docker", engine.CheckToolbox: "small 1.0, 1 entries", engine.CheckInjected: "0 toolboxes", engine.CheckPrivileges: "uid 0",
	} {
		if c := checkOf(checks, name); !c.OK || !strings.HasPrefix(c.Found, found) {
			t.Errorf("%s: %+v, want %s", name, c, found)
		}
	}
}

// checkOf returns the check of a name.
func checkOf(checks []engine.Check, name string) engine.Check {
	if i := slices.IndexFunc(checks, func(c engine.Check) bool { return c.Name == name }); i >= 0 {
		return checks[i]
	}
	return engine.Check{}
}

// addPair adds two interfaces to the calling thread's network namespace.
func addPair() error {
	return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "v0"}, PeerName: "v1"})
}

// TestInterfacesOf: the interfaces are those of the container's namespace.
func TestInterfacesOf(t *testing.T) {
	if !alone(t) {
		return
	}
	f := newFake(t, "docker")
	web := f.run("web")
	e := localOf(t, engine.LocalOptions{}, f)
	if err := web.enter(addPair); err != nil {
		t.Fatal(err)
	}
	list, err := e.Interfaces(t.Context(), "web")
	want := []capture.Interface{
		{Name: "lo", Index: 1, Up: true, Loopback: true, LinkType: 1},
		{Name: "v1", Index: 2, Driver: "veth", LinkType: 1}, {Name: "v0", Index: 3, Driver: "veth", LinkType: 1},
	}
	if diff := cmp.Diff(want, list, cmpopts.IgnoreFields(capture.Interface{}, "MAC", "Addresses")); diff != "" || err != nil {
		t.Errorf("%v, interfaces (-want +got):\n%s", err, diff)
	}
}
