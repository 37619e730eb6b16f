package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"dlx/capture"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/nsutil"
)

// newNetns makes a network namespace with a name, as ip-netns(8) does, and runs f in it.
func newNetns(t *testing.T, f func() error) (name string) {
	t.Helper()
	name = fmt.Sprintf("dlx-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	t.Cleanup(func() { _ = netns.DeleteNamed(name) }) // a test may have done so
	err := nsutil.OnThread(func() error {
		handle, err := netns.NewNamed(name)
		if err != nil {
			return err
		}
		return errors.Join(handle.Close(), loopbackUp(), f())
	})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// TestNetns: a network namespace without a container is debugged with the host's files, captured in
// and listed, by its name and by its path; a gate knows what it is asked about.
func TestNetns(t *testing.T) {
	testutil.RequireRoot(t)
	name := newNetns(t, func() error {
		return netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "blue0"}})
	})
	gate := &recordingGate{}
	e := engine.NewLocal(engine.LocalOptions{State: t.TempDir(), Configs: []string{t.TempDir()}, Gate: gate})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	run := func(req engine.DebugRequest) (string, error) {
		var out bytes.Buffer
		_, err := e.Debug(within(t), req, engine.Streams{Stdout: &out, Stderr: &out})
		return out.String(), err
	}
	for _, ref := range []string{"netns://" + name, "netns:///run/netns/" + name} {
		for _, profile := range []string{"general", "netadmin", "sysadmin"} {
			req := engine.DebugRequest{Target: ref, FS: engine.FSHost, Profile: profile, Command: []string{"sh", "-c", "cat /proc/net/dev; test -e /etc/debian_version && echo host"}}
			if out, err := run(req); err != nil || !strings.Contains(out, "blue0:") || !strings.HasSuffix(out, "host\n") {
				t.Errorf("%s, %s: %v, %s", ref, profile, err, out)
			}
		}
		if list, err := e.Interfaces(within(t), ref); err != nil || !slices.ContainsFunc(list, func(i capture.Interface) bool { return i.Name == "blue0" }) {
			t.Errorf("interfaces of %s: %v, %v", ref, list, err)
		}
	}
	op := gate.asked[0]
	own, err := nsutil.Own()
	if err != nil {
		t.Fatal(err)
	}
	if op.Subject != engine.SubjectNetNS || op.Target.ID != "/run/netns/"+name || op.Process.Namespaces["net"] == own[nsutil.Net].Ino || op.Process.Namespaces["mnt"] != own[nsutil.Mnt].Ino {
		t.Errorf("the gate was asked about %+v in %+v", op, op.Process)
	}
	t.Run("refused", func(t *testing.T) {
		for _, fs := range []engine.FS{"", engine.FSTarget} {
			if _, err := run(engine.DebugRequest{Target: "netns://" + name, FS: fs, Command: []string{"true"}}); !errors.Is(err, fault.NoFiles) {
				t.Errorf("debug with file system %q: %v", fs, err)
			}
		}
		for ref, want := range map[string]fault.Kind{
			"netns://dlx-test-none": fault.NoNetNS, "netns:///dev/null": fault.NotNetNS, "netns:///proc/self/ns/net": fault.NotNetNS,
			"netns:///dlx-test/none": fault.NoNetNS, "netns:///etc/passwd": fault.NotNetNS, "netns:///": fault.BadTarget,
		} {
			for verb, do := range verbs(e) {
				if err := do(within(t), ref); (verb == engine.VerbCapture || verb == engine.VerbInterfaces) && !errors.Is(err, want) {
					t.Errorf("%s of %s: %v, want %s", verb, ref, err, want)
				}
			}
		}
		if _, err := e.Inject(within(t), engine.InjectRequest{Target: "netns://" + name}); !errors.Is(err, fault.WrongTarget) {
			t.Errorf("inject: %v", err)
		}
		if _, err := e.Eject(within(t), engine.EjectRequest{Target: "netns://" + name}); !errors.Is(err, fault.WrongTarget) {
			t.Errorf("eject: %v", err)
		}
	})
	t.Run("list", func(t *testing.T) {
		list, err := e.NetNamespaces(within(t))
		i := slices.IndexFunc(list, func(n engine.NetNamespace) bool { return n.Name == name })
		if err != nil || i < 0 || list[i].Path != "/run/netns/"+name || list[i].Inode != op.Process.Namespaces["net"] || list[i].Host || list[i].Containers != nil {
			t.Errorf("%+v, %v", list, err)
		}
	})
	t.Run("capture", func(t *testing.T) {
		ctx := within(t)
		var file bytes.Buffer
		on, ended := make(chan struct{}), make(chan error, 1)
		var stats engine.CaptureStats
		go func() {
			var err error
			stats, err = e.Capture(ctx, engine.CaptureRequest{Targets: []string{"netns://" + name, "netns:///run/netns/" + name}}, &noted{Sink: capture.ToWriter(&file), on: on})
			ended <- err
		}()
		select {
		case <-on:
		case err := <-ended:
			t.Fatal(err)
		}
		if err := netns.DeleteNamed(name); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil || !stats.TargetEnded {
			t.Errorf("a capture in a namespace that has lost its name: %+v, %v", stats, err)
		}
		if !bytes.Contains(file.Bytes(), []byte(name)) {
			t.Error("the file does not say whose packets it is for")
		}
	})
}

// TestNetnsContainers: the list says which containers are in a namespace, and which is the host's.
func TestNetnsContainers(t *testing.T) {
	testutil.RequireRoot(t)
	docker := testutil.RequireDocker(t)
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause"))})
	e := localAt(t, docker.Host, engine.LocalOptions{State: t.TempDir()})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	list, err := e.NetNamespaces(within(t))
	i := slices.IndexFunc(list, func(n engine.NetNamespace) bool { return slices.Contains(n.Containers, c.Name) })
	if err != nil || i < 0 || !strings.Contains(list[i].Path, "/docker/netns/") {
		t.Errorf("%+v, %v", list, err)
	}
}
