package testutil

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// podmanLimit bounds the way of Podman's service to its first answer, and of its helpers to their
// end, on two busy cores.
const podmanLimit = 60 * time.Second

// Podman is one of a test's own: its data, its configuration and its control groups are no other's.
// What it leaves is taken away when the test ends.
type Podman struct {
	t      testing.TB
	path   string
	dir    string
	parent string // the control group of its containers
	uid    int    // whose it is
}

// RequirePodman makes ready a Podman of root's that runs its containers by runc, without a network.
func RequirePodman(t testing.TB) *Podman {
	t.Helper()
	return requirePodman(t, 0)
}

// RequireRootlessPodman makes ready a Podman of a user that the test makes. The user has no
// subordinate IDs: containers have one user and one group. Under control groups of version 1 they
// have no group of their own, and can not be paused.
func RequireRootlessPodman(t testing.TB) *Podman {
	t.Helper()
	RequireRoot(t)
	return requirePodman(t, newUser(t))
}

// RequireSubordinatePodman is RequireRootlessPodman of a user who has 65,536 subordinate IDs, as
// useradd gives them to people.
func RequireSubordinatePodman(t testing.TB) *Podman {
	t.Helper()
	RequireRoot(t)
	RequireTool(t, "newuidmap")
	return requirePodman(t, newUser(t, "--add-subids-for-system"))
}

// newUser makes a user that is removed when the test ends.
func newUser(t testing.TB, flags ...string) int {
	t.Helper()
	name := unique("dlxtest")
	uid := 59000 + rand.N(1000) // one that no container's processes have either
	id := strconv.Itoa(uid)
	group := exec.Command(RequireTool(t, "groupadd"), "--system", "--gid", id, name)
	add := exec.Command(RequireTool(t, "useradd"), append([]string{"--system", "--no-create-home", "--gid", id, "--uid", id, name}, flags...)...)
	for _, cmd := range []*exec.Cmd{group, add} {
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("add a user: %v: %s", err, text)
		}
	}
	t.Cleanup(func() {
		if text, err := exec.Command(RequireTool(t, "userdel"), name).CombinedOutput(); err != nil {
			t.Errorf("remove the user: %v: %s", err, text)
		}
	})
	return uid
}

func requirePodman(t testing.TB, uid int) *Podman {
	t.Helper()
	RequireRoot(t)
	p := &Podman{t: t, path: RequireTool(t, "podman"), parent: unique("/podman-"), uid: uid}
	oci := os.Getenv("DLX_TEST_OCI") // the path of an OCI runtime
	if oci == "" {
		oci = RequireTool(t, "runc")
	}
	dir, err := os.MkdirTemp("/var/tmp", "dlx-test-podman-") //nolint:usetesting // the folders above t.TempDir are private, and /tmp may be too small
	if err != nil {
		t.Fatal(err)
	}
	p.dir = dir
	t.Cleanup(p.remove)
	// The default limits are above what root may raise them to without CAP_SYS_RESOURCE. Locks in
	// shared memory would be those of the machine's own Podman.
	config := fmt.Sprintf(`[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1024:2048"]
log_driver = "k8s-file"
netns = "none"
[network]
network_config_dir = %[1]q
[engine]
runtime = "test"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
[engine.runtimes]
test = [%[2]q]
`, dir+"/networks", oci)
	storage := fmt.Sprintf("[storage]\ndriver = \"overlay\"\ngraphroot = %q\nrunroot = %q\n", dir+"/store", dir+"/run")
	users := filepath.Dir(p.runtimeDir())
	err = errors.Join(os.MkdirAll(p.runtimeDir()+"/podman", 0o700), os.Chown(p.runtimeDir(), uid, uid), os.Chown(p.runtimeDir()+"/podman", uid, uid), os.Chmod(users, 0o711), os.Chmod(dir, 0o711), os.Chown(dir, uid, uid), os.WriteFile(dir+"/containers.conf", []byte(config), 0o644), os.WriteFile(dir+"/storage.conf", []byte(storage), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Dir is a folder of its own, which others may pass through.
func (p *Podman) Dir() string { return p.dir }

// Command is Podman's own command line, for its own containers.
func (p *Podman) Command(args ...string) *exec.Cmd {
	own := []string{"--root", p.dir + "/store", "--runroot", p.dir + "/run", "--tmpdir", p.dir + "/tmp"}
	return p.As(p.path, append(own, args...)...)
}

// As is a program that runs as Podman's user.
func (p *Podman) As(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "HOME="+p.dir, "XDG_RUNTIME_DIR="+p.runtimeDir(), "CONTAINERS_CONF="+p.dir+"/containers.conf", "CONTAINERS_STORAGE_CONF="+p.dir+"/storage.conf", "TMPDIR="+p.dir)
	if p.uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(p.uid), Gid: uint32(p.uid)}}
		cmd.Dir = p.dir
	}
	return cmd
}

// runtimeDir is its user's. It is not where that of a real user would be.
func (p *Podman) runtimeDir() string { return fmt.Sprintf("%s/users/%d", p.dir, p.uid) }

// UID is the user whose it is.
func (p *Podman) UID() int { return p.uid }

// CgroupParent is where its containers' control groups are to be, for --cgroup-parent.
func (p *Podman) CgroupParent() string { return p.parent }

// remove waits for Podman's helpers: when a container ends, one of them cleans up by itself, which
// makes and mounts folders.
func (p *Podman) remove() {
	if p.uid != 0 { // one process keeps the user's namespaces
		p.kill()
	}
	Wait(p.t, "Podman's helpers to end", podmanLimit, func() bool { return !named(p.dir) })
	if err := errors.Join(unmountBelow(p.dir), os.RemoveAll(p.dir)); err != nil {
		p.t.Errorf("remove Podman's data: %v", err)
	}
	for _, pattern := range []string{"/*", ""} { // the groups below first
		groups, _ := filepath.Glob("/sys/fs/cgroup/*" + p.parent + pattern)
		more, _ := filepath.Glob("/sys/fs/cgroup" + p.parent + pattern)
		for _, group := range append(groups, more...) {
			if err := os.Remove(group); err != nil && !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, syscall.EPERM) {
				p.t.Errorf("remove Podman's control group: %v", err)
			}
		}
	}
}

// kill ends what is left of a user's Podman, by what it was started with.
func (p *Podman) kill() {
	Wait(p.t, "the user's processes to end", podmanLimit, func() bool {
		left := false
		dirs, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range dirs {
			info, err := os.Stat(dir)
			if err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != p.uid {
				continue
			}
			environ, err := os.ReadFile(dir + "/environ")
			if pid, nerr := strconv.Atoi(filepath.Base(dir)); err == nil && nerr == nil && bytes.Contains(environ, []byte("HOME="+p.dir)) {
				left = true
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		return !left
	})
}

// named says whether the command line of a process has a path in it.
func named(path string) bool {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, line := range lines {
		if data, err := os.ReadFile(line); err == nil && bytes.Contains(data, []byte(path)) {
			return true
		}
	}
	return false
}
