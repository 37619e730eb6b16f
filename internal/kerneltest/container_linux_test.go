//go:build kernel

package kerneltest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dlx/internal/testutil"
)

// limit bounds each wait: an emulated processor on a busy machine is slow.
const limit = 60 * time.Second

// container is a container of runc's own.
type container struct {
	t    testing.TB
	id   string
	root string // its root directory on the host
	pid  int
}

// config is config.json of a bundle (OCI Runtime Specification).
type config map[string]any

// set replaces the value at a path of keys, such as root.readonly.
func (c config) set(path string, value any) {
	keys := strings.Split(path, ".")
	object := map[string]any(c)
	for _, key := range keys[:len(keys)-1] {
		next, ok := object[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			object[key] = next
		}
		object = next
	}
	object[keys[len(keys)-1]] = value
}

// add appends to the list at a path of keys.
func (c config) add(path string, value any) {
	keys := strings.Split(path, ".")
	object := map[string]any(c)
	for _, key := range keys[:len(keys)-1] {
		object = object[key].(map[string]any)
	}
	last := keys[len(keys)-1]
	list, _ := object[last].([]any)
	object[last] = append(list, value)
}

// dockerCaps are what Docker gives a container by default (moby, daemon/pkg/oci/caps).
var dockerCaps = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
	"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
}

// applets are the programs of busybox in a container.
var applets = []string{
	"cat", "dd", "grep", "head", "hostname", "id", "ls", "mkdir", "mknod", "mount", "readlink", "rm", "sh", "sleep", "tee",
	"touch", "true", "tty", "wc",
}

// start starts a container that sleeps, as `runc spec` describes it but with Docker's capabilities,
// and changed by change. It is removed when the test ends.
func start(t testing.TB, change ...func(config)) *container {
	t.Helper()
	testutil.RequireRoot(t)
	bundle := t.TempDir()
	for dir := bundle; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		check(t, os.Chmod(dir, 0o755)) // the root user of a user namespace has to pass
	}
	c := &container{t: t, id: fmt.Sprintf("test-%d", time.Now().UnixNano()), root: filepath.Join(bundle, "rootfs")}
	populate(t, c.root)
	writeConfig(t, bundle, change)
	log := filepath.Join(bundle, "log")
	out, err := os.Create(log)
	check(t, err)
	defer out.Close()
	// Its program holds these descriptors for as long as it runs: a pipe would be read until then.
	cmd := exec.CommandContext(t.Context(), testutil.RequireTool(t, "runc"), "run", "--detach", "--bundle", bundle, "--pid-file", bundle+"/pid", c.id)
	cmd.Stdout, cmd.Stderr = out, out
	t.Cleanup(c.remove)
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(log)
		t.Fatalf("runc run: %v\n%s", err, text)
	}
	text, err := os.ReadFile(bundle + "/pid")
	check(t, err)
	c.pid, err = strconv.Atoi(string(text))
	check(t, err)
	return c
}

// populate makes a container's root directory: busybox, the test programs, and a file that tells it
// from the host's.
func populate(t testing.TB, root string) {
	t.Helper()
	for _, dir := range []string{"bin", "dev", "etc", "proc", "sys", "tmp"} {
		check(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	check(t, os.Chmod(filepath.Join(root, "tmp"), 0o777))
	check(t, os.Link("/bin/busybox", filepath.Join(root, "bin/busybox")))
	for _, name := range applets {
		check(t, os.Symlink("busybox", filepath.Join(root, "bin", name)))
	}
	progs, err := filepath.Glob("/lib/prog/*")
	check(t, err)
	for _, prog := range progs {
		check(t, os.Link(prog, filepath.Join(root, filepath.Base(prog))))
	}
	check(t, os.WriteFile(filepath.Join(root, "marker"), []byte("the container's\n"), 0o644))
}

func writeConfig(t testing.TB, bundle string, change []func(config)) {
	t.Helper()
	res := testutil.Collect(t, exec.CommandContext(t.Context(), "runc", "spec", "--bundle", bundle))
	if res.Code != 0 {
		t.Fatalf("runc spec: %+v", res)
	}
	name := filepath.Join(bundle, "config.json")
	data, err := os.ReadFile(name)
	check(t, err)
	var conf config
	check(t, json.Unmarshal(data, &conf))
	conf.set("process.terminal", false)
	conf.set("process.args", []string{"sleep", "10000"})
	conf.set("process.noNewPrivileges", false)
	conf.set("root.readonly", false)
	conf.set("hostname", "container")
	capabilities(dockerCaps)(conf)
	for _, f := range change {
		f(conf)
	}
	data, err = json.Marshal(conf)
	check(t, err)
	check(t, os.WriteFile(name, data, 0o600))
}

// with sets one value of the configuration.
func with(path string, value any) func(config) {
	return func(c config) { c.set(path, value) }
}

func capabilities(names []string) func(config) {
	return func(c config) {
		sets := map[string]any{}
		for _, set := range []string{"bounding", "effective", "permitted"} {
			sets[set] = names
		}
		c.set("process.capabilities", sets)
	}
}

// exec runs a script in the container by the runtime.
func (c *container) exec(script string) testutil.Result {
	c.t.Helper()
	return testutil.Collect(c.t, exec.CommandContext(c.t.Context(), "runc", "exec", c.id, "sh", "-c", script))
}

// try runs a script in the container that has to work.
func (c *container) try(script string) {
	c.t.Helper()
	if res := c.exec(script); res.Code != 0 {
		c.t.Fatalf("in the container, %s: %+v", script, res)
	}
}

func (c *container) remove() {
	out, err := exec.Command("runc", "delete", "--force", c.id).CombinedOutput()
	if err != nil {
		c.t.Errorf("runc delete: %v\n%s", err, out)
	}
}

// target is how dlx is told which container.
func (c *container) target() string { return fmt.Sprintf("pid://%d", c.pid) }

// processes are the command lines in the container's pid namespace, sorted.
func (c *container) processes() []string {
	c.t.Helper()
	want, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", c.pid))
	check(c.t, err)
	dirs, err := filepath.Glob("/proc/[0-9]*")
	check(c.t, err)
	found := map[string]string{}
	for _, dir := range dirs {
		if ns, err := os.Readlink(dir + "/ns/pid"); err == nil && ns == want {
			args, _ := os.ReadFile(dir + "/cmdline")
			found[dir] = strings.ReplaceAll(strings.TrimSuffix(string(args), "\x00"), "\x00", " ")
		}
	}
	return slices.Sorted(maps.Values(found))
}

// mounts is the container's mount table.
func (c *container) mounts() string {
	c.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", c.pid))
	check(c.t, err)
	return string(data)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
