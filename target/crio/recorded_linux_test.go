package crio_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"dlx/internal/cgroup"
	"dlx/internal/testutil"
	"dlx/target"
	"dlx/target/internal/grpctest"
	"dlx/target/internal/grpcwire"
	"dlx/target/runtimetest"
)

// These answers are CRI-O's by its source (up to 1.37), which could not be run. They were made by
// hand, and not recorded, out of server/container_list.go, server/container_status.go
// (containerInfo), internal/oci/container.go (CRIContainer),
// internal/config/cgmgr/{systemd,cgroupfs}_linux.go (ContainerCgroupPath, MoveConmonToCgroup) and
// internal/factory/container/container.go (SpecAddAnnotations).

// Statuses and questions of the interface.
const (
	created, running, exited, unknown = 0, 1, 2, 3

	list      = "RuntimeService/ListContainers"
	statusOf  = "RuntimeService/ContainerStatus"
	sandboxes = "RuntimeService/ListPodSandbox"
	events    = "RuntimeService/GetContainerEvents"
	version   = "RuntimeService/Version"
)

// id is as CRI-O makes them up.
func id(n int) string { return fmt.Sprintf("%064x", n) }

// told is what CRI-O says of a container.
type told struct {
	id, pod, name string
	uid           string // of the pod; default: uid-1
	state         int
	started       time.Time
	pid           int
	cgroup, root  string            // of its specification
	labels        map[string]string // more
	annotations   map[string]string // of the specification, more
	info          string            // instead of CRI-O's
}

var at = time.Unix(1700000000, 5)

// image is an ImageSpec: the kubelet asks for one by its digest, and says how it was called.
var image = grpctest.With(grpctest.Message("sha256:0"), 18, []byte("registry.example/web:1"))

func number(m []byte, n protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(m, n, protowire.VarintType), uint64(v))
}

func (c *told) withLabels(m []byte, n protowire.Number) []byte {
	if c.uid == "" {
		c.uid = "uid-1"
	}
	m = grpctest.With(m, n, grpctest.Message("io.kubernetes.pod.name", c.pod), grpctest.Message("io.kubernetes.pod.namespace", "prod"),
		grpctest.Message("io.kubernetes.pod.uid", c.uid), grpctest.Message("io.kubernetes.container.name", c.name))
	for key, value := range c.labels {
		m = grpctest.With(m, n, grpctest.Message(key, value))
	}
	return m
}

// listed is a Container of a list.
func (c *told) listed() []byte {
	m := grpctest.Message(c.id, "sandbox", grpctest.Message(c.name, 0), image, "registry.example/web@sha256:0", c.state)
	return c.withLabels(number(m, 7, at.UnixNano()), 8)
}

// status is a ContainerStatusResponse.
func (c *told) status(t *testing.T) []byte {
	t.Helper()
	m := grpctest.Message(c.id, grpctest.Message(c.name, 0), c.state)
	m = number(number(m, 4, at.UnixNano()), 5, c.started.UnixNano())
	m = grpctest.With(m, 8, image)
	m = c.withLabels(grpcwire.AppendBytes(m, 9, "registry.example/web@sha256:0"), 12)
	if c.info == "" {
		c.info = c.verbose(t)
	}
	return grpctest.With(grpctest.Message(m), 2, grpctest.Message("info", c.info))
}

// verbose is a containerInfo.
func (c *told) verbose(t *testing.T) string {
	t.Helper()
	type object map[string]any
	annotations := map[string]string{
		"io.kubernetes.cri-o.ContainerID": c.id, "io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.MountPoint": c.root,
		"io.kubernetes.cri-o.SandboxID": "sandbox", "io.container.manager": "cri-o",
	}
	maps.Copy(annotations, c.annotations)
	text, err := json.Marshal(object{
		"sandboxID": "sandbox", "pid": c.pid, "privileged": false,
		"runtimeSpec": object{
			"ociVersion": "1.2.1", "hostname": "shop",
			"process":     object{"user": object{"uid": 1000, "gid": 2000, "additionalGids": []int{2000}}, "args": []string{"/srv"}, "env": []string{"PATH=/bin", "A=1"}, "cwd": "/srv", "oomScoreAdj": 1000},
			"root":        object{"path": c.root},
			"annotations": annotations,
			"linux":       object{"cgroupsPath": c.cgroup, "namespaces": []object{{"type": "pid"}, {"type": "network", "path": "/var/run/netns/0"}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// serve is a CRI-O that has these containers, and answers all questions about one with the first.
func serve(t *testing.T, all ...told) *grpctest.Server {
	t.Helper()
	s := grpctest.Serve(t, map[string][][]byte{list: {nil}})
	for i := range all {
		s.Answers[list][0] = append(s.Answers[list][0], grpctest.Several(all[i].listed())...)
	}
	if len(all) > 0 {
		s.Answers[statusOf] = [][]byte{all[0].status(t)}
	}
	return s
}

// TestInspect: what CRI-O tells of a container, in both forms of cgroups.
func TestInspect(t *testing.T) {
	start := at.Add(time.Second)
	for form, want := range map[string]string{
		"/kubepods/besteffort/poduid-1/crio-" + id(1):   "/kubepods/besteffort/poduid-1/crio-" + id(1),
		"/crio/crio-" + id(1):                           "/crio/crio-" + id(1),
		"kubepods-burstable-poduid.slice:crio:" + id(1): "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-poduid.slice/crio-" + id(1) + ".scope",
		"system.slice:crio:" + id(1):                    "/system.slice/crio-" + id(1) + ".scope",
	} {
		s := serve(t, told{id: id(1), pod: "shop", name: "web", state: running, started: start, pid: 4242, cgroup: form, root: "/nowhere/merged"})
		got, err := open(t, s.Socket).Inspect(runtimetest.Bounded(t), id(1))
		if err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		whole := &target.Info{
			Runtime: "crio", ID: id(1), Name: "shop_web", Image: "registry.example/web:1", State: target.Running, PID: 4242, Started: start, Place: "uid-1/web",
			Labels: map[string]string{
				"io.kubernetes.pod.name": "shop", "io.kubernetes.pod.namespace": "prod", "io.kubernetes.pod.uid": "uid-1", "io.kubernetes.container.name": "web",
			},
			Env: []string{"PATH=/bin", "A=1"}, WorkingDir: "/srv", User: "1000:2000", Cgroup: want,
		}
		if diff := cmp.Diff(whole, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", form, diff)
		}
	}
}

// TestStates: a process's number is told of what has one alone, and a time that has not come is
// none.
func TestStates(t *testing.T) {
	for state, want := range map[int]target.State{created: target.Created, running: target.Running, exited: target.Exited, unknown: "unknown"} {
		s := serve(t, told{id: id(1), pod: "shop", name: "web", state: state, pid: 4242, cgroup: "/crio/crio-" + id(1)})
		s.Answers[sandboxes] = [][]byte{nil}
		got, err := open(t, s.Socket).Inspect(runtimetest.Bounded(t), id(1))
		if err != nil || got.State != want || (got.PID != 0) != want.Live() || !got.Started.IsZero() {
			t.Errorf("%d: %+v, %v; want it %s", state, got, err, want)
		}
	}
}

// TestAwaited: what has ended is awaited while its pod has a sandbox that is ready, its own or
// another one, and not because of another pod's.
func TestAwaited(t *testing.T) {
	sandbox := func(state int, uid string) []byte {
		return grpctest.With(grpctest.Message("sandbox", nil, state), 5, grpctest.Message("io.kubernetes.pod.uid", uid))
	}
	const ready, notReady = 0, 1
	for name, tt := range map[string]struct {
		answer []byte
		want   bool
	}{
		"ready":         {grpctest.Several(sandbox(ready, "uid-1")), true},
		"another ready": {grpctest.Several(sandbox(notReady, "uid-1"), sandbox(ready, "uid-1")), true},
		"not ready":     {grpctest.Several(sandbox(notReady, "uid-1")), false},
		"another pod's": {grpctest.Several(sandbox(ready, "uid-2")), false},
		"none":          {nil, false},
	} {
		s := serve(t, told{id: id(1), pod: "shop", name: "web", state: exited})
		s.Answers[sandboxes] = [][]byte{tt.answer}
		got, err := open(t, s.Socket).Inspect(runtimetest.Bounded(t), id(1))
		if err != nil || got.Awaited != tt.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestFindRecorded: what names and IDs mean, after restarts too.
func TestFindRecorded(t *testing.T) {
	s := serve(t,
		told{id: id(2), pod: "shop", name: "web", state: running, pid: 7, cgroup: "/crio/crio-" + id(2)},
		told{id: id(1), pod: "shop", name: "web", state: exited},
		told{id: "f" + id(3)[1:], pod: "shop", name: "side", state: running},
		told{id: id(4), state: running}, // crictl's, without labels
	)
	r := open(t, s.Socket)
	for name, want := range map[string][]string{
		"shop_web": {id(2)}, "shop": {id(2), "f" + id(3)[1:]}, id(2): {id(2)}, "000": {id(1), id(2), id(4)}, "x": nil, "": nil, "..": nil, "web": nil,
	} {
		hits, err := r.Find(runtimetest.Bounded(t), name)
		if diff := cmp.Diff(want, runtimetest.IDs(hits)); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", name, err, diff)
		}
	}
	s.Set(list, listing(told{id: id(2), pod: "shop", name: "web", state: running}))
	s.Set(statusOf) // it has gone since
	if hits, err := r.Find(runtimetest.Bounded(t), "shop"); len(hits) > 0 || err != nil {
		t.Errorf("gone: %v, %v", runtimetest.IDs(hits), err)
	}
}

// TestHealth: CRI-O's own name and version.
func TestHealth(t *testing.T) {
	s := grpctest.Serve(t, map[string][][]byte{version: {grpctest.Message("0.1.0", "cri-o", "1.37.0", "v1")}})
	if line, err := open(t, s.Socket).Health(runtimetest.Bounded(t)); err != nil || line != "cri-o 1.37.0 at "+s.Socket {
		t.Errorf("%q, %v", line, err)
	}
}

// TestProcess: the container's own process is taken, and refused are its monitor, whose cgroup is
// called after the container, a process in the cgroup above, and one of somebody else's. The
// defence is that Info.Cgroup is always told.
func TestProcess(t *testing.T) {
	testutil.RequireRoot(t)
	parent := fmt.Sprintf("/dlxcrio%d", os.Getpid())
	in := func(group string) int { return sleeper(t, parent+group) }
	own, monitor, above := in("/crio-"+id(1)), in("/crio-conmon-"+id(1)), in("")
	const notIts, noCgroup = "is not in its cgroup", "is in cgroup"
	for name, tt := range map[string]struct {
		pid     int
		cgroup  string
		refusal string
	}{
		"its own":                       {own, parent + "/crio-" + id(1), ""},
		"its monitor":                   {monitor, parent + "/crio-" + id(1), notIts},
		"in the cgroup above":           {above, parent + "/crio-" + id(1), notIts},
		"somebody else's":               {os.Getpid(), parent + "/crio-" + id(1), notIts},
		"its monitor, and no cgroup":    {monitor, "", noCgroup},
		"its own, and the cgroup above": {own, parent, noCgroup},
		"its own, and no path":          {own, "x/" + parent + "/crio-" + id(1), noCgroup},
		"another's, and its cgroup":     {own, parent + "/crio-" + id(2), noCgroup},
	} {
		s := serve(t, told{id: id(1), pod: "shop", name: "web", state: running, started: time.Now(), pid: tt.pid, cgroup: tt.cgroup})
		set := target.NewSet(open(t, s.Socket))
		held, err := set.Open(runtimetest.Bounded(t), "crio://"+id(1))
		switch {
		case err == nil && tt.refusal != "":
			t.Errorf("%s: taken", name)
		case err != nil && (tt.refusal == "" || !strings.Contains(err.Error(), tt.refusal)):
			t.Errorf("%s: %v, want %q", name, err, tt.refusal)
		}
		if err == nil {
			if err := held.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestListedProcess: a list has the number of the process that is in the container's cgroup, and of
// its monitor none. CRI-O has a process for one that is only created too, which is not its program
// yet (cri-o, internal/oci/runtime_oci.go, CreateContainer).
func TestListedProcess(t *testing.T) {
	testutil.RequireRoot(t)
	parent := fmt.Sprintf("/dlxcrio%dl", os.Getpid())
	own, fresh, monitor := fmt.Sprintf("%064x", rand.Uint64()), fmt.Sprintf("%064x", rand.Uint64()), fmt.Sprintf("%064x", rand.Uint64())
	sleeper(t, parent+"/crio-conmon-"+own)
	pid := sleeper(t, parent+"/crio-"+own)
	sleeper(t, parent+"/crio-"+fresh)
	sleeper(t, parent+"/crio-conmon-"+monitor)
	s := serve(t, told{id: own, state: running}, told{id: fresh, state: created}, told{id: monitor, state: running})
	all, err := open(t, s.Socket).List(runtimetest.Bounded(t), target.Filter{All: true, PIDs: true})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, c := range all {
		got[c.ID] = c.PID
	}
	if diff := cmp.Diff(map[string]int{own: pid, fresh: 0, monitor: 0}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// sleeper is a process in a cgroup of its own, until the test ends.
func sleeper(t *testing.T, group string) (pid int) {
	t.Helper()
	root := cgroup.Roots()[0]
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		for dir := root + group; dir != root; dir = filepath.Dir(dir) {
			_ = os.Remove(dir) // as long as there are others in it, it stays
		}
	})
	if err := os.MkdirAll(root+group, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+group+"/cgroup.procs", fmt.Append(nil, cmd.Process.Pid), 0o600); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// TestRootfs: where containers/storage has mounted an overlay, and nothing of what is not clean,
// relative, or only an annotation's.
func TestRootfs(t *testing.T) {
	testutil.RequireRoot(t)
	layer := filepath.Join(t.TempDir(), "overlay", id(9))
	dir := func(names ...string) string {
		d := filepath.Join(append([]string{layer}, names...)...)
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		return d
	}
	merged, diff := dir("merged"), dir("diff")
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", dir("l"), diff, dir("work"))
	if err := syscall.Mount("overlay", merged, "overlay", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(merged, 0); err != nil {
			t.Error(err)
		}
	})
	forged := map[string]string{"io.kubernetes.cri-o.MountPoint": "/etc"}
	for name, tt := range map[string]struct {
		root  string
		state int
		more  map[string]string
		want  target.Layers
	}{
		"mounted":       {merged, running, nil, target.Layers{Merged: merged, Upper: diff}},
		"forged":        {merged, running, forged, target.Layers{Merged: merged, Upper: diff}},
		"another's":     {dir("b", "merged"), running, nil, target.Layers{Merged: dir("b", "merged")}},
		"elsewhere":     {dir("rootfs"), running, nil, target.Layers{Merged: dir("rootfs")}},
		"has ended":     {merged, exited, nil, target.Layers{}},
		"relative":      {"rootfs", running, nil, target.Layers{}},
		"relative too":  {"rootfs", running, forged, target.Layers{}},
		"not clean":     {merged + "/../../../etc", running, nil, target.Layers{}},
		"host's":        {"/", running, nil, target.Layers{}},
		"not told of":   {"", running, nil, target.Layers{}},
		"trailing stop": {merged + "/", running, nil, target.Layers{}},
	} {
		s := serve(t, told{id: id(1), pod: "shop", name: "web", state: tt.state, pid: 7, cgroup: "/crio/crio-" + id(1), root: tt.root, annotations: tt.more})
		got, err := open(t, s.Socket).Rootfs(runtimetest.Bounded(t), &target.Info{Runtime: "crio", ID: id(1)})
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}
