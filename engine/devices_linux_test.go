package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
)

// TestAttackDevices: a container makes nodes of a host's device, which the runtime lets it make and
// not open, and waits for a session to open them. The defences are the session's devices, which are
// the container's, and a view of dlx's own making.
func TestAttackDevices(t *testing.T) {
	e := newLocal(t)
	c := testutil.NewCanary(t)
	plant := fmt.Sprintf(`set -e
busybox mkdir -p /d
busybox mknod /x b %[1]s
for name in null zero full random urandom tty sub; do busybox rm -f /dev/$name; busybox mknod -m 666 /dev/$name b %[1]s; done
echo ready
exec busybox sleep 1000`, c.Number())
	box := testutil.Run(t, testutil.RunOptions{
		Image: testutil.Image(t, "devices", testutil.Busybox(t)), NetworkMode: testutil.SharedNetwork(t),
		Cmd: []string{"/bin/busybox", "sh", "-c", "PATH=/bin; " + plant},
	})
	waitReady(t, box)
	tool := []string{"sh", "-c"}
	own := []string{"/bin/busybox", "sh", "-c"}
	const script = `for f in /x /dev/sub /dev/null; do echo read $(busybox dd if=$f bs=64 count=1 2>/dev/zero | busybox grep -c "host's own byte"); done
for f in /x /dev/sub /dev/null /dev/zero /dev/full /dev/tty; do echo overwritten >$f; done 2>&1; echo y | busybox tee /x; exit 0`
	for _, profile := range []string{"general", "baseline", "netadmin", "sysadmin"} {
		for _, req := range []engine.DebugRequest{
			{FS: engine.FSToolbox, Command: tool}, {FS: engine.FSToolbox, Command: tool, ReadOnly: true}, {FS: engine.FSToolbox, Command: tool, TTY: true},
			{FS: engine.FSTarget, Command: own}, {FS: engine.FSTarget, Command: own, ReadOnly: true},
			{FS: engine.FSTarget, Command: own, User: "1000:1000"},
		} {
			name := fmt.Sprintf("%s %s read-only %v tty %v user %q", profile, req.FS, req.ReadOnly, req.TTY, req.User)
			command := req.Command
			req.Target, req.Profile = box.ID, profile
			req.Command = slices.Concat(command, []string{"PATH=$PATH:/bin; " + script})
			if _, out := run(t, e, req); strings.Contains(out, "read 1") {
				t.Errorf("%s: the host's device was read: %s", name, out)
			}
			c.Check(name)
		}
	}
}

// TestAttackHistory: an interactive shell that ends writes to what its variables name.
func TestAttackHistory(t *testing.T) {
	e := newLocal(t)
	c := testutil.NewCanary(t)
	box := testutil.Run(t, testutil.RunOptions{
		Image: testutil.Image(t, "devices", testutil.Busybox(t)), NetworkMode: testutil.SharedNetwork(t),
		Cmd: []string{"/bin/busybox", "sh", "-c", "PATH=/bin; busybox rm /dev/null; busybox mknod -m 666 /dev/null b " + c.Number() +
			"; echo ready; exec busybox sleep 1000"},
	})
	waitReady(t, box)
	var out bytes.Buffer
	code, err := e.Debug(t.Context(), engine.DebugRequest{Target: box.ID, TTY: true, Command: []string{"bash", "--norc", "-i"}},
		engine.Streams{Stdin: strings.NewReader("echo a line of history\nexit 3\n"), Stdout: &out})
	if err != nil || code != 3 {
		t.Errorf("status %d, %v: %s", code, err, out.String())
	}
	c.Check("an interactive session")
}

// TestDevices: the usual devices work in a session, whatever the container has, and its terminal
// has a name there.
func TestDevices(t *testing.T) {
	e := newLocal(t)
	box := testutil.Run(t, testutil.RunOptions{
		Image: testutil.Image(t, "devices", testutil.Busybox(t)), NetworkMode: testutil.SharedNetwork(t),
		Cmd: []string{"/bin/busybox", "sh", "-c", "PATH=/bin; busybox rm -f /dev/null /dev/zero /dev/ptmx; busybox ln -s /etc /dev/stdout; " +
			"echo kept >/dev/other; echo ready; exec busybox sleep 1000"},
	})
	waitReady(t, box)
	const script = `set -e
tty; echo x >/dev/null; echo y >/dev/tty; echo z >/dev/stdout
for f in zero random urandom; do busybox head -c 3 /dev/$f | busybox wc -c; done
echo 1 2>/dev/null >/dev/full || echo full
busybox ls -1 /dev/pts; busybox cat /dev/other`
	const want = "/dev/pts/0\r\ny\r\nz\r\n3\r\n3\r\n3\r\nfull\r\n0\r\nptmx\r\nkept\r\n"
	for _, req := range []engine.DebugRequest{{}, {ReadOnly: true}, {User: "1000:1000"}, {Profile: "restricted"}, {Profile: "sysadmin"}} {
		req.Target, req.TTY, req.Command = box.ID, true, []string{"sh", "-c", script}
		if code, out := run(t, e, req); code != 0 || out != want {
			t.Errorf("%+v: status %d, %q, want %q", req, code, out, want)
		}
	}
}

// TestDevice: a session can be given a device of the host's that its container may not open, by
// name, and no other.
func TestDevice(t *testing.T) {
	e := newLocal(t)
	c := testutil.NewCanary(t)
	box := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause")), NetworkMode: testutil.SharedNetwork(t)})
	for _, fs := range []engine.FS{engine.FSToolbox, engine.FSHost} {
		for access, want := range map[string]string{"": "read\nwritten\n", ":r": "read\n", ":w": "written\n"} {
			script := fmt.Sprintf("head -c 8 <%[1]s >/dev/null && echo read; printf 'the host' 1<>%[1]s >&1 && echo written; true", c.Device)
			if access == ":w" {
				script = strings.ReplaceAll(script, "1<>", "1>")
			}
			_, out := run(t, e, engine.DebugRequest{
				Target: box.ID, FS: fs, Devices: []string{c.Device + access}, Command: []string{"bash", "-c", "exec 2>/dev/null; " + script},
			})
			if out = strings.ReplaceAll(out, "the host", ""); out != want {
				t.Errorf("--fs %s --device %s: %q, want %q", fs, c.Device+access, out, want)
			}
		}
	}
	c.Check("a session that was given the device")
	if _, out := run(t, e, engine.DebugRequest{Target: box.ID, Devices: []string{"/dev/net/tun"}, Command: []string{"sh", "-c", "ls /dev/net; mknod /dev/shm/x b 7 0; cat /dev/shm/x 2>&1; true"}}); out != "tun\ncat: can't open '/dev/shm/x': Permission denied\n" {
		t.Errorf("%q", out)
	}
	for spec, why := range map[string]string{
		"/dev/none": "no such file", "/etc/passwd": "not below /dev/", "/dev/../etc/passwd": "not below", "/dev/null": "of its own", "/dev/.dlx": "no such file",
		"/dev/shm": "not a device", c.Device + ":": "some of r, w and m", c.Device + ":x": "some of r, w and m", "": "not below",
	} {
		_, err := e.Debug(t.Context(), engine.DebugRequest{Target: box.ID, Devices: []string{spec}, Command: []string{"true"}}, engine.Streams{})
		if !errors.Is(err, fault.BadDevice) || !strings.Contains(err.Error(), why) {
			t.Errorf("--device %q: %v, want %s", spec, err, why)
		}
	}
}
