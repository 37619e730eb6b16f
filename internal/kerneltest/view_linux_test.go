//go:build kernel

package kerneltest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/internal/testutil"
)

// TestReadOnly: from Linux 5.12 on nothing can be written, whatever the session may do; before, it
// is refused.
func TestReadOnly(t *testing.T) {
	c := start(t, capabilities(append([]string{"CAP_SYS_ADMIN"}, dockerCaps...)))
	const script = "touch /x || mount -o remount,rw / || mount -o remount,bind,rw / || touch /tmp/x || echo refused"
	for _, flags := range [][]string{
		{"--fs", "toolbox"}, {"--fs", "target"}, {"--fs", "target", "--profile", "sysadmin"},
	} {
		res := debug(c, script, append(flags, "--read-only")...)
		switch {
		case since(t, 5, 12):
			if res.Stdout != "refused\n" {
				t.Errorf("%v: %+v", flags, res)
			}
		case res.Code != 125 || !strings.Contains(res.Stderr, "mount_setattr needs Linux 5.12 or newer"):
			t.Errorf("%v: %+v, want the name of the call and the release that brought it", flags, res)
		}
	}
	c.try("touch /x") // the container's own mount is as it was
}

// TestReadOnlyContainer: a container whose root is read-only gets the toolbox all the same, and
// stays as it is.
func TestReadOnlyContainer(t *testing.T) {
	c := start(t, with("root.readonly", true))
	res := debug(c, "ls /dev/.dlx/bin/ps; touch /x || echo refused")
	if want := "/dev/.dlx/bin/ps\nrefused\n"; res.Stdout != want {
		t.Errorf("%+v, want %q", res, want)
	}
}

// TestUserNamespace: root of a session is root of the container's user namespace, and nobody
// outside of it.
func TestUserNamespace(t *testing.T) {
	const first = 100000
	c := start(t, func(conf config) {
		conf.add("linux.namespaces", map[string]any{"type": "user"})
		for _, ids := range []string{"linux.uidMappings", "linux.gidMappings"} {
			conf.set(ids, []any{map[string]any{"containerID": 0, "hostID": first, "size": 65536}})
		}
	})
	for _, profile := range []string{"general", "sysadmin"} {
		t.Run(profile, func(t *testing.T) {
			res := debug(c, "id -u; readlink /proc/self/ns/user; readlink /proc/1/ns/user; touch /tmp/"+profile,
				"--profile", profile, "--fs", "target")
			lines := strings.Split(strings.TrimSpace(res.Stdout), "\n")
			if res.Code != 0 || len(lines) != 3 || lines[0] != "0" || lines[1] != lines[2] {
				t.Fatalf("%+v", res)
			}
			own, err := os.Readlink("/proc/self/ns/user")
			check(t, err)
			if lines[1] == own {
				t.Error("the session is in the host's user namespace")
			}
			owner := testutil.Collect(t, command(t, "stat", "-c", "%u", c.root+"/tmp/"+profile))
			if diff := cmp.Diff(fmt.Sprintln(first), owner.Stdout); diff != "" {
				t.Errorf("the owner of a file that it made, -want +got:\n%s", diff)
			}
		})
	}
}
