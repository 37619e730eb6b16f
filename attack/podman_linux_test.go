package attack_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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
	podman := testutil.RequirePodman(a)
	dir := podman.Dir()
	root := filepath.Join(dir, "rootfs")
	var err error
	for _, name := range []string{"/dev/", "/proc/", "/sys/", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/run/.containerenv"} { // a mapped root can not make them
		err = errors.Join(err, os.MkdirAll(root+filepath.Dir(name), 0o755))
		if !strings.HasSuffix(name, "/") {
			err = errors.Join(err, os.WriteFile(root+name, nil, 0o644))
		}
	}
	if err := errors.Join(err, os.WriteFile(root+prog.Path, prog.Data, 0o755)); err != nil {
		a.Fatal(err)
	}
	const name = "attacked"
	args := append([]string{"run", "--name", name, "--pidfile", dir + "/pid", "--log-driver", "none", "--cgroup-parent", podman.CgroupParent()}, flags...)
	args = append(append(args, "--rootfs", root), cmd...)
	var out testutil.Output
	run := podman.Command(args...)
	run.Stdout, run.Stderr, run.WaitDelay = &out, &out, time.Second
	if err := run.Start(); err != nil {
		a.Fatal(err)
	}
	a.Cleanup(func() {
		if text, err := podman.Command("rm", "-f", "-t", "0", name).CombinedOutput(); err != nil {
			a.Errorf("remove Podman's container: %v, %s", err, text)
		}
		_ = run.Wait() // its status is that of a killed container
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
