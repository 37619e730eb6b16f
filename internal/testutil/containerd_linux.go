package testutil

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Containerd is a containerd of a test's own, with root, state and socket of its own. It is
// stopped, and its data removed, when the test ends.
type Containerd struct {
	// Socket is where it answers.
	Socket string
	// State is its state directory.
	State string

	ctr string // the program
}

// containerdConfig is that of all, without what is the host's: /opt.
const containerdConfig = `version = 2
root = %[1]q
state = %[2]q
[grpc]
  address = %[3]q
[debug]
  level = "warn"
[plugins."io.containerd.internal.v1.opt"]
  path = %[4]q
`

// SandboxImage holds the namespaces of the pods of StartCRI.
const SandboxImage = "docker.io/dlx-test/sandbox:1"

// criConfig is for what can be had by a root without CAP_SYS_RESOURCE, and without the network.
const criConfig = `
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "` + SandboxImage + `"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
`

// StartContainerd starts one without Kubernetes's interface.
func StartContainerd(t testing.TB) *Containerd {
	t.Helper()
	return startContainerd(t, "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n", "")
}

// StartCRI starts one with Kubernetes's interface. Its pods need the host's network: there is no
// CNI.
func StartCRI(t testing.TB) *Containerd {
	t.Helper()
	d := startContainerd(t, "", criConfig)
	d.load(t, "k8s.io", SandboxImage, "/pause", pack(t, []Program{Prog(t, "pause")}))
	return d
}

// startContainerd starts one with lines before and after those of all.
func startContainerd(t testing.TB, before, after string) *Containerd {
	t.Helper()
	RequireRoot(t)
	containerd, ctr := RequireTool(t, "containerd"), RequireTool(t, "ctr")
	dir := daemonDir(t, "containerd")
	d := &Containerd{State: filepath.Join(dir, "state"), ctr: ctr}
	d.Socket = filepath.Join(d.State, "containerd.sock")
	config := filepath.Join(dir, "config.toml")
	text := before + fmt.Sprintf(containerdConfig, filepath.Join(dir, "root"), d.State, d.Socket, filepath.Join(dir, "opt")) + after
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	now := launch(t, dir, exec.Command(containerd, "--config", config))
	t.Cleanup(func() { now.stop(t) })
	t.Cleanup(func() { d.sweep(t) })
	Wait(t, "the test's containerd to answer", daemonStart, func() bool {
		select {
		case <-now.ended:
			log, _ := os.ReadFile(now.log)
			t.Fatalf("containerd ended at once:\n%s", log)
		default:
		}
		_, err := d.run(t, "default", "version")
		return err == nil
	})
	return d
}

// ownNamespaces begin the names of namespaces that no other containerd has.
const ownNamespaces = "dlx"

// sweep ends what a failed test has left: a container outlives its containerd. runc leaves the
// cgroup of a namespace, which goes if nobody else uses it.
func (d *Containerd) sweep(t testing.TB) {
	namespaces, _ := d.run(t, "default", "namespaces", "list", "--quiet")
	for n := range strings.FieldsSeq(namespaces) {
		tasks, _ := d.run(t, n, "tasks", "list", "--quiet")
		for id := range strings.FieldsSeq(tasks) {
			if _, err := d.run(t, n, "tasks", "delete", "--force", id); err != nil {
				t.Error(err)
			}
		}
		if !strings.HasPrefix(n, ownNamespaces) {
			continue
		}
		groups, _ := filepath.Glob("/sys/fs/cgroup/*/" + n) // of each controller of v1
		for _, dir := range append(groups, "/sys/fs/cgroup/"+n) {
			_ = os.Remove(dir)
		}
	}
}

// run runs ctr in one of containerd's namespaces.
func (d *Containerd) run(t testing.TB, namespace string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(request(t), d.ctr, append([]string{"--address", d.Socket, "--namespace", namespace}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("ctr %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// Ctr runs ctr, which has to succeed, in one of containerd's namespaces.
func (d *Containerd) Ctr(t testing.TB, namespace string, args ...string) string {
	t.Helper()
	out, err := d.run(t, namespace, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Image imports an image of the programs, whose first is its command, into a namespace, and returns
// its reference.
func (d *Containerd) Image(t testing.TB, namespace, name string, programs ...Program) string {
	t.Helper()
	layer := pack(t, programs)
	ref := fmt.Sprintf("docker.io/dlx-test/%s:%.12x", name, sha256.Sum256(layer))
	d.load(t, namespace, ref, programs[0].Path, layer)
	return ref
}

// load imports an image of a layer and a command.
func (d *Containerd) load(t testing.TB, namespace, ref, command string, layer []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(file, archive(t, ref, command, layer), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Ctr(t, namespace, "images", "import", file)
}

// archive is an image of one layer in the format of `docker save`.
func archive(t testing.TB, ref, command string, layer []byte) []byte {
	t.Helper()
	encode := func(v any) []byte {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	type object map[string]any
	config := encode(object{
		"architecture": runtime.GOARCH, "os": "linux", "config": object{"Cmd": []string{command}},
		"rootfs": object{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
	})
	manifest := encode([]object{{"Config": "config.json", "RepoTags": []string{ref}, "Layers": []string{"layer.tar"}}})
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range []Program{Data("/manifest.json", string(manifest), 0o644), Data("/config.json", string(config), 0o644), {Path: "/layer.tar", Data: layer, Mode: 0o644}} {
		if err := w.WriteHeader(f.header()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// CtrOptions say how a container is to be made.
type CtrOptions struct {
	Namespace   string
	Image       string // in that namespace
	ID          string // default: 64 hexadecimal digits
	Labels      map[string]string
	Env         []string
	ReadOnly    bool
	Snapshotter string
	NoStart     bool
}

// CtrContainer is a container that a test made with ctr. It is removed when the test ends.
type CtrContainer struct {
	Namespace, ID string
	// PID is the host's ID of its first process, 0 while it does not run.
	PID int

	t            testing.TB
	d            *Containerd
	task, frozen bool
	gone         bool
}

// Run makes a container and starts it.
func (d *Containerd) Run(t testing.TB, o CtrOptions) *CtrContainer {
	t.Helper()
	if o.ID == "" {
		o.ID = fmt.Sprintf("%x", sha256.Sum256([]byte(unique(""))))
	}
	args := []string{"containers", "create"}
	for _, key := range slices.Sorted(maps.Keys(o.Labels)) {
		args = append(args, "--label", key+"="+o.Labels[key])
	}
	for _, e := range o.Env {
		args = append(args, "--env", e)
	}
	if o.ReadOnly {
		args = append(args, "--read-only")
	}
	if o.Snapshotter != "" {
		args = append(args, "--snapshotter", o.Snapshotter)
	}
	d.Ctr(t, o.Namespace, append(args, o.Image, o.ID)...)
	c := &CtrContainer{Namespace: o.Namespace, ID: o.ID, t: t, d: d}
	t.Cleanup(c.Remove)
	if !o.NoStart {
		c.Start()
	}
	return c
}

// Ctr runs ctr in the container's namespace.
func (c *CtrContainer) Ctr(args ...string) string {
	c.t.Helper()
	return c.d.Ctr(c.t, c.Namespace, args...)
}

// Start starts a task in the container, notes its PID, and returns when its program runs.
func (c *CtrContainer) Start() {
	c.t.Helper()
	file := filepath.Join(c.t.TempDir(), "pid")
	c.Ctr("tasks", "start", "--detach", "--null-io", "--pid-file", file, c.ID)
	c.task = true
	text, err := os.ReadFile(file)
	if err != nil {
		c.t.Fatal(err)
	}
	if c.PID, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
		c.t.Fatal(err)
	}
	awaitProgram(c.t, c.PID)
}

// Stop kills the task and deletes it.
func (c *CtrContainer) Stop() {
	c.t.Helper()
	if c.frozen {
		c.Unpause()
	}
	c.Ctr("tasks", "delete", "--force", c.ID)
	c.task, c.PID = false, 0
}

// Kill kills the task's processes, and leaves the task.
func (c *CtrContainer) Kill() {
	c.t.Helper()
	c.Ctr("tasks", "kill", "--signal", "SIGKILL", c.ID)
	Wait(c.t, "the task to stop", apiLimit, func() bool {
		for line := range strings.Lines(c.Ctr("tasks", "list")) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == c.ID {
				return f[2] == "STOPPED"
			}
		}
		return false
	})
	c.PID = 0
}

// Restart is a new task in the same container.
func (c *CtrContainer) Restart() {
	c.t.Helper()
	c.Stop()
	c.Start()
}

// Pause freezes every process of the container.
func (c *CtrContainer) Pause() {
	c.t.Helper()
	c.Ctr("tasks", "pause", c.ID)
	c.frozen = true
}

// Unpause lets the processes go on.
func (c *CtrContainer) Unpause() {
	c.t.Helper()
	c.Ctr("tasks", "resume", c.ID)
	c.frozen = false
}

// Label sets a label of the container's.
func (c *CtrContainer) Label(key, value string) {
	c.t.Helper()
	c.Ctr("containers", "label", c.ID, key+"="+value)
}

// Remove removes the container with its task; one that is already gone is fine.
func (c *CtrContainer) Remove() {
	c.t.Helper()
	if c.gone {
		return
	}
	c.gone = true
	if c.task {
		c.Stop()
	}
	c.Ctr("containers", "delete", c.ID)
}
