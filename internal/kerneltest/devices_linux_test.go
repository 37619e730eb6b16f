//go:build kernel

package kerneltest

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// A disk of the host's: a block device in memory with the number that /dev/null has among the
// character devices.
const (
	disk       = "/dev/ram3"
	diskNumber = "b 1 3"
	canary     = "the host's own bytes"
)

// plant writes the canary to the disk.
func plant(t testing.TB) {
	t.Helper()
	f, err := os.OpenFile(disk, os.O_WRONLY, 0)
	check(t, err)
	_, err = f.WriteString(canary)
	check(t, err)
	check(t, f.Close())
}

// whole says whether the canary is still there.
func whole(t testing.TB) bool {
	t.Helper()
	f, err := os.Open(disk)
	check(t, err)
	defer f.Close()
	data := make([]byte, len(canary))
	_, err = f.Read(data)
	check(t, err)
	return bytes.Equal(data, []byte(canary))
}

// nodes are what a container makes of the host's disk: it may make nodes, and not open them (runc's
// default rules).
const nodes = "mknod /x " + diskNumber + "; mknod /dev/sub " + diskNumber + "; rm /dev/null /dev/zero; mknod -m 666 /dev/null " +
	diskNumber + "; mknod -m 666 /dev/zero " + diskNumber

// touches are a session's ways to the disk.
const touches = `for f in /x /dev/sub /dev/null /dev/zero /proc/1/root/x /proc/1/root/dev/null; do
	head -c 20 $f; echo overwritten | tee $f; echo overwritten >$f
done
rm -f /tmp/y; mknod /tmp/y b 1 3; head -c 20 /tmp/y; echo overwritten >/tmp/y; mknod /dev/y b 1 3; head -c 20 /dev/y; echo overwritten >/dev/y`

// TestAttackDevices: a container makes nodes of the host's disk where a session may open them. The
// session can not, whatever its profile, file system and flags: its cgroup has the container's
// device programs.
func TestAttackDevices(t *testing.T) {
	plant(t)
	c := start(t)
	c.try(nodes)
	if res := c.exec("head -c 20 /x; echo overwritten >/x"); strings.Contains(res.Stdout, canary) || !whole(t) {
		t.Fatalf("the container itself gets to the disk: %+v", res)
	}
	ways := [][]string{
		{"--fs", "toolbox", "--profile", "sysadmin"},
		{"--fs", "target", "--profile", "sysadmin"},
		{"--fs", "host", "--profile", "sysadmin"},
		{"--fs", "target", "--profile", "general"},
		{"--fs", "target", "--tty"},
	}
	if since(t, 5, 12) {
		ways = append(ways, []string{"--fs", "toolbox", "--read-only"}, []string{"--fs", "target", "--read-only", "--profile", "sysadmin"})
	}
	for _, flags := range ways {
		res := debug(c, touches, flags...)
		if strings.Contains(res.Stdout, canary) {
			t.Errorf("%v: the host's disk was read: %+v", flags, res)
		}
		if !whole(t) {
			t.Errorf("%v: the host's disk was overwritten: %+v", flags, res)
			plant(t)
		}
	}
}

// TestPrivilegedDevices: a session can open what its container may open.
func TestPrivilegedDevices(t *testing.T) {
	plant(t)
	c := start(t, with("linux.resources.devices", []any{map[string]any{"allow": true, "access": "rwm"}}))
	c.try("mknod /dev/sub " + diskNumber)
	if res := debug(c, "head -c 20 /dev/sub", "--fs", "target"); res.Stdout != canary {
		t.Errorf("%+v, want %q", res, canary)
	}
}

// TestDevices: the usual devices work in a session, whatever the container has put in their place.
func TestDevices(t *testing.T) {
	plant(t)
	c := start(t)
	c.try(nodes)
	const script = `set -e
tty; echo x >/dev/null; echo y >/dev/tty; for f in zero random urandom; do head -c 3 /dev/$f | wc -c; done
echo 1 2>/dev/null >/dev/full || echo full
ls /dev/pts`
	want := []string{"/dev/pts/0", "y", "3", "3", "3", "full", "0", "ptmx"}
	for _, flags := range [][]string{{"--profile", "sysadmin"}, {"--profile", "restricted", "--fs", "target"}} {
		res := debug(c, script, append(flags, "--tty")...)
		if got := strings.Fields(res.Stdout); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%v: %+v, want %v", flags, res, want)
		}
	}
	if !whole(t) {
		t.Error("the host's disk was overwritten")
	}
}
