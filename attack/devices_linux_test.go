package attack_test

import (
	"strings"
	"testing"

	"dlx/internal/testutil"
)

// onDevices are commands that open what they are told.
const onDevices = `for f in /x /dev/null /dev/sub /dev/zero; do
	case $(head -c 64 $f) in *"host's own byte"*) echo read $f;; esac
	echo overwritten >$f
done 2>&1
echo overwritten | tee /x
true`

// TestDevices: P1. Nodes of a host's block device take the place of files and of the usual devices,
// and go again.
func TestDevices(t *testing.T) {
	a := start(t, "P1: nodes of the host's disk come and go at /x and in /dev", "sessions of every profile and file system")
	canary := testutil.NewCanary(t)
	image := testutil.Image(t, "planter", testutil.Prog(t, "planter"), testutil.Busybox(t), testutil.Symlink("/bin/sh", "busybox"),
		testutil.Symlink("/bin/tee", "busybox"), testutil.Symlink("/bin/head", "busybox"))
	c := a.box(testutil.RunOptions{
		Image: image,
		Cmd:   []string{"/planter", canary.Major, canary.Minor, "/x", "/dev/null", "/dev/sub", "/dev/zero"},
	})
	a.begin()
	for i := 0; a.more() || !long && i < 2*len(profiles); i++ {
		args := []string{"debug", c.ID, "--profile", profiles[i%len(profiles)]}
		if i%4 == 1 {
			args = append(args, "--read-only")
		}
		if i/len(profiles)%2 == 1 {
			args = append(args, "--fs", "target", "--", "/bin/sh", "-c", onDevices)
		} else {
			args = append(args, "--", "sh", "-c", onDevices)
		}
		if r := a.run(args...); strings.Contains(r.Stdout, "read /") {
			t.Errorf("%q: the host's device was read: %s", args, r.Stdout)
		}
		canary.Check(strings.Join(args, " "))
		a.count(c.Logs())
	}
}

// TestInjectedCalls: P1. The container traces what it can of a session, and has it open the host's
// device.
func TestInjectedCalls(t *testing.T) {
	for _, add := range [][]string{nil, {"SYS_PTRACE"}} {
		t.Run(strings.Join(add, ""), func(t *testing.T) {
			a := start(t, "P1: system calls of the container's in the session's processes, by ptrace",
				"a container with "+strings.Join(append([]string{"Docker's capabilities"}, add...), " and "))
			canary := testutil.NewCanary(t)
			image := testutil.Image(t, "injector", testutil.Prog(t, "injector"), testutil.Busybox(t))
			c := a.box(testutil.RunOptions{
				Image: image, CapAdd: add,
				Cmd: []string{"/bin/busybox", "sh", "-c", "busybox mknod -m 666 /x b " + canary.Number() + "; exec /injector /x"},
				Env: []string{"PATH=/bin"},
			})
			a.begin()
			nap := "0.2"
			if long {
				nap = "0.6"
			}
			for i := 0; a.more(); i++ {
				profile := []string{"baseline", "restricted", "general"}[i%3]
				a.run("debug", c.ID, "--profile", profile, "--timeout", "4s", "--", "sleep", nap)
				canary.Check(profile)
				a.count(c.Logs())
			}
			if !strings.Contains(c.Logs(), "attached") {
				t.Error("the container could not attach: nothing was tried")
			}
		})
	}
}
