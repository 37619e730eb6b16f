package attack_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/internal/testutil"
)

// TestPodman: what runs in Podman's containers, with and without a user namespace, grabs at a
// session by its PID.
func TestPodman(t *testing.T) {
	for _, c := range []struct {
		on    string
		flags []string
	}{
		{"a container of Podman's with SYS_PTRACE, by pid://", []string{"--cap-add", "SYS_PTRACE"}},
		{"a container of Podman's with a user namespace and all capabilities, unconfined, by pid://", []string{
			"--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536", "--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--security-opt", "seccomp=unconfined",
		}},
	} {
		t.Run(c.on, func(t *testing.T) {
			a := start(t, grabbing, c.on)
			marker, check := a.marker()
			pid, out := a.podman(c.flags, testutil.Prog(t, "grabber"), "/grabber", marker)
			a.begin()
			for i, worked := 0, false; a.more() || !worked; i++ {
				r := a.run("debug", pid, "--profile", profiles[i%len(profiles)], "--", "sleep", "0.1")
				worked = worked || r.Code == 0
				if i == len(profiles) && !worked {
					t.Fatalf("no session begins: nothing is tried: %+v", r)
				}
				a.count(out.String())
				check()
			}
			a.clean()
		})
	}
}

// podman runs a program in a container of Podman's, whose data are the test's own. It returns its
// process as a target of dlx, and what it prints.
func (a *attack) podman(flags []string, prog testutil.Program, cmd ...string) (string, *testutil.Output) {
	a.Helper()
	podman := testutil.RequireTool(a, "podman")
	dir, err := os.MkdirTemp("/var/tmp", "dlx-test-podman-")
	if err != nil {
		a.Fatal(err)
	}
	root := filepath.Join(dir, "rootfs")
	err = os.Chmod(dir, 0o755)
	for _, name := range []string{"/dev/", "/proc/", "/sys/", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/run/.containerenv"} { // a mapped root can not make them
		err = errors.Join(err, os.MkdirAll(root+filepath.Dir(name), 0o755))
		if !strings.HasSuffix(name, "/") {
			err = errors.Join(err, os.WriteFile(root+name, nil, 0o644))
		}
	}
	if err := errors.Join(err, os.WriteFile(root+prog.Path, prog.Data, 0o755)); err != nil {
		a.Fatal(err)
	}
	before, _ := filepath.Glob(podmanGroups)
	const name = "attacked"
	own := []string{"--root", dir + "/store", "--runroot", dir + "/run", "--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "none"}
	args := append(append([]string(nil), own...), "run", "--name", name, "--network", "none", "--pidfile", dir+"/pid", "--log-driver", "none",
		"--ulimit", "nofile=1024:4096", "--ulimit", "nproc=1024:2048") // its defaults are above what root may raise them to here
	args = append(append(args, flags...), "--rootfs", root)
	var out testutil.Output
	run := exec.Command(podman, append(args, cmd...)...)
	run.Stdout, run.Stderr, run.WaitDelay = &out, &out, time.Second
	if err := run.Start(); err != nil {
		a.Fatal(err)
	}
	a.Cleanup(func() {
		if text, err := exec.Command(podman, append(own, "rm", "-f", "-t", "0", name)...).CombinedOutput(); err != nil {
			a.Errorf("remove Podman's container: %v, %s", err, text)
		}
		_ = run.Wait() // its status is that of a killed container
		if len(before) == 0 {
			removeGroups()
		}
		// When the container ends, Podman cleans up by itself: that makes and mounts folders.
		testutil.Wait(a, "Podman's clean-up to end", endLimit, func() bool { return !named(dir) })
		if err := syscall.Unmount(dir+"/store/overlay", 0); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
			a.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			a.Error(err)
		}
	})
	testutil.Wait(a, "the attack to begin", endLimit, func() bool {
		if text := out.String(); strings.Contains(text, "Error") {
			a.Fatal(text)
		}
		return strings.Contains(out.String(), "ready")
	})
	text, err := os.ReadFile(dir + "/pid")
	if err != nil {
		a.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		a.Fatal(err)
	}
	return "pid://" + strconv.Itoa(pid), &out
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

// podmanGroups are the control groups that Podman puts its containers' below, and keeps.
const podmanGroups = "/sys/fs/cgroup/*/libpod_parent"

// removeGroups removes them, those below first; one that is in use stays.
func removeGroups() {
	for _, pattern := range []string{podmanGroups + "/*", podmanGroups} {
		groups, _ := filepath.Glob(pattern)
		for _, group := range groups {
			_ = os.Remove(group)
		}
	}
}
