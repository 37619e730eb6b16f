package testutil_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/internal/testutil"
)

func TestContainer(t *testing.T) {
	testutil.RequireRoot(t)
	image := testutil.Image(t, "web", testutil.Prog(t, "web"), testutil.Busybox(t),
		testutil.Symlink("/etc/mark", "/nowhere"), testutil.Dir("/data", 0o700), testutil.Data("/etc/motd", "hello\n", 0o644))
	c := testutil.Run(t, testutil.RunOptions{Image: image, Env: []string{"A=b"}})
	testutil.Wait(t, "the server", time.Minute, func() bool { return strings.Contains(c.Logs(), "listening") })

	before := c.Diff()
	if code, out := c.Exec("/bin/busybox", "cat", "/etc/motd"); code != 0 || out != "hello\n" {
		t.Errorf("cat: status %d, %q", code, out)
	}
	if code, _ := c.Exec("/bin/busybox", "sh", "-c", "exit 7"); code != 7 {
		t.Errorf("status %d, want 7", code)
	}
	if code, out := c.Exec("/bin/busybox", "readlink", "/etc/mark"); code != 0 || out != "/nowhere\n" {
		t.Errorf("readlink: status %d, %q", code, out)
	}
	if code, _ := c.Exec("/bin/sh"); code != 126 && code != 127 {
		t.Errorf("status %d of a missing program", code)
	}
	const url = "http://127.0.0.1/fetch?url=http://127.0.0.1/"
	if code, out := c.Exec("/bin/busybox", "wget", "-qO-", url); code != 0 || out != "hello from web\n" {
		t.Errorf("wget: status %d, %q", code, out)
	}
	if diff := cmp.Diff(before, c.Diff()); diff != "" {
		t.Errorf("docker diff (-want +got):\n%s", diff)
	}
	if code, _ := c.Exec("/bin/busybox", "touch", "/new"); code != 0 || !slices.Contains(c.Diff(), "A /new") {
		t.Errorf("touch: status %d, diff %v", code, c.Diff())
	}
	if !strings.Contains(c.MountInfo(), " / / ") {
		t.Errorf("mountinfo has no root:\n%s", c.MountInfo())
	}
	want := []testutil.Process{{PID: c.PID, Args: []string{"/web"}}}
	if diff := cmp.Diff(want, c.Processes()); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
}

func TestContainerLife(t *testing.T) {
	testutil.RequireRoot(t)
	image := testutil.Image(t, "pause", testutil.Prog(t, "pause"))
	c := testutil.Run(t, testutil.RunOptions{Image: image, NoStart: true, ReadOnly: true, User: "65532:65532",
		CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges"}, NetworkMode: "none"})
	if c.PID != 0 {
		t.Errorf("PID %d before the start", c.PID)
	}
	c.Start()
	first := c.PID
	c.Pause()
	if got := c.Inspect().State.Status; got != "paused" {
		t.Errorf("state %s", got)
	}
	c.Unpause()
	c.Restart()
	if c.PID == 0 || c.PID == first {
		t.Errorf("PID %d after a restart, was %d", c.PID, first)
	}
	c.Kill("SIGKILL")
	testutil.Wait(t, "the end", time.Minute, func() bool { return !c.Inspect().State.Running })
	c.Start()
	c.Stop()
	c.Remove()
}

// TestStart: a container, started or restarted, is seen with its program, not with `runc init`.
func TestStart(t *testing.T) {
	testutil.RequireRoot(t)
	image := testutil.Image(t, "pause", testutil.Prog(t, "pause"))
	for range 3 { // a start costs much: -count is for who changes how it is waited for
		c := testutil.Run(t, testutil.RunOptions{Image: image, NetworkMode: "none"})
		want := []testutil.Process{{PID: c.PID, Args: []string{"/pause"}}}
		if diff := cmp.Diff(want, c.Processes()); diff != "" {
			t.Errorf("processes (-want +got):\n%s", diff)
		}
		c.Restart()
		want[0].PID = c.PID
		if diff := cmp.Diff(want, c.Processes()); diff != "" {
			t.Errorf("processes after a restart (-want +got):\n%s", diff)
		}
		c.Remove()
	}
}

func TestPrograms(t *testing.T) {
	testutil.RequireRoot(t)
	for _, name := range []string{"threads", "watcher", "attacker", "swapper"} {
		t.Run(name, func(t *testing.T) {
			image := testutil.Image(t, name, testutil.Prog(t, name), testutil.Prog(t, "true"))
			cmd := []string{"/" + name}
			if name == "swapper" {
				cmd = append(cmd, "/.dlx", "/etc")
			}
			c := testutil.Run(t, testutil.RunOptions{Image: image, Cmd: cmd, Tmpfs: map[string]string{"/tmp": ""}})
			testutil.Wait(t, "ready", time.Minute, func() bool { return strings.Contains(c.Logs(), "ready") })
			if code, out := c.Exec("/true", "3"); code != 3 {
				t.Errorf("true 3: status %d, %s", code, out)
			}
			c.Stop()
		})
	}
}

func TestRemappedDocker(t *testing.T) {
	docker := testutil.RemappedDocker(t)
	c := docker.Run(t, testutil.RunOptions{Image: docker.Image(t, "pause", testutil.Prog(t, "pause"), testutil.Busybox(t))})
	code, out := c.Exec("/bin/busybox", "cat", "/proc/self/uid_map")
	if fields := strings.Fields(out); code != 0 || len(fields) != 3 || fields[0] != "0" || fields[1] == "0" {
		t.Errorf("uid_map: status %d, %q", code, out)
	}
}

// TestSharedNetwork: containers of that mode have one network, which is not the host's.
func TestSharedNetwork(t *testing.T) {
	testutil.RequireRoot(t)
	image := testutil.Image(t, "pause", testutil.Prog(t, "pause"))
	var networks []string
	for _, pid := range []int{
		os.Getpid(),
		testutil.Run(t, testutil.RunOptions{Image: image, NetworkMode: testutil.SharedNetwork(t)}).PID,
		testutil.Run(t, testutil.RunOptions{Image: image, NetworkMode: testutil.SharedNetwork(t)}).PID,
	} {
		network, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
		if err != nil {
			t.Fatal(err)
		}
		networks = append(networks, network)
	}
	if networks[0] == networks[1] || networks[1] != networks[2] {
		t.Errorf("networks of the host and of two containers: %v", networks)
	}
}
