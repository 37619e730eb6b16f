package engine_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/rootfs"
	"dlx/internal/testutil"
)

// TestAttackAccounts: /etc/passwd is a link to a file of the kernel's, a FIFO or a device. The
// session opens none of them, and takes the container to name nobody. The defence is rootfs.Find.
func TestAttackAccounts(t *testing.T) {
	e := newLocal(t)
	for name, script := range map[string]string{
		"kernel log": "busybox ln -s /proc/kmsg /etc/passwd",
		"sysfs":      "busybox ln -s /sys/kernel/uevent_seqnum /etc/passwd",
		"FIFO":       "busybox mkfifo /etc/passwd",
		"device":     "busybox mknod /etc/passwd c 1 5",
		"magic link": "busybox ln -s /proc/self/exe /etc/passwd",
		"loop":       "busybox ln -s passwd /etc/passwd",
	} {
		t.Run(name, func(t *testing.T) {
			c := testutil.Run(t, testutil.RunOptions{
				Image: testutil.Image(t, "accounts", testutil.Busybox(t), testutil.Dir("/etc", 0o755)), NetworkMode: testutil.SharedNetwork(t),
				Cmd: []string{"/bin/busybox", "sh", "-c", "PATH=/bin; " + script + "; echo ready; exec busybox sleep 1000"},
			})
			waitReady(t, c)
			if code, out := run(t, e, engine.DebugRequest{Target: c.ID, FS: engine.FSTarget, Command: []string{"/bin/busybox", "true"}}); code != 0 {
				t.Errorf("status %d, %q", code, out)
			}
			_, err := e.Debug(t.Context(), engine.DebugRequest{Target: c.ID, User: "app", FS: engine.FSTarget, Command: []string{"/bin/busybox"}}, engine.Streams{})
			if !errors.Is(err, fault.BadUser) {
				t.Errorf("error %v, want fault.BadUser", err)
			}
		})
	}
}

// TestAttackIDs: a number in /etc/passwd that is 0 in 32 bits is no user.
// A file without an end is no file.
func TestAttackIDs(t *testing.T) {
	e := newLocal(t)
	for content, want := range map[string]error{
		"app:x:4294967296:4294967296::/:\n": fault.BadUser, "app:x::1::/:\n": fault.BadUser,
		string(bytes.Repeat([]byte("#\n"), 1<<20)): rootfs.ErrTooLong,
	} {
		image := testutil.Image(t, "ids", testutil.Prog(t, "pause"), testutil.Data("/etc/passwd", content, 0o644))
		c := testutil.Run(t, testutil.RunOptions{Image: image, NetworkMode: testutil.SharedNetwork(t)})
		_, err := e.Debug(t.Context(), engine.DebugRequest{Target: c.ID, User: "app", FS: engine.FSTarget, Command: []string{"/pause"}}, engine.Streams{})
		if !errors.Is(err, want) {
			t.Errorf("%.20q: error %v, want %v", content, err, want)
		}
	}
}

// muteAt is a container with a FUSE file system whose server takes requests and answers none.
func muteAt(t *testing.T, dir string) *testutil.Container {
	t.Helper()
	c := testutil.Run(t, testutil.RunOptions{
		Image: testutil.Image(t, "mute", testutil.Prog(t, "mute"), testutil.Dir("/etc", 0o755), testutil.Dir("/bin", 0o755)),
		Cmd:   []string{"/mute", dir}, NetworkMode: testutil.SharedNetwork(t), CapAdd: []string{"SYS_ADMIN"}, SecurityOpt: []string{"seccomp=unconfined", "apparmor=unconfined"},
		Change: func(_ *container.Config, h *container.HostConfig) {
			h.Devices = []container.DeviceMapping{{PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rwm"}}
		},
	})
	waitReady(t, c)
	return c
}

// TestAttackFUSEInDev: the view is built without asking such a file system, which would keep this
// very process from ending.
func TestAttackFUSEInDev(t *testing.T) {
	e := newLocal(t)
	if code, out := run(t, e, engine.DebugRequest{Target: muteAt(t, "/dev/shm").ID, Command: []string{"echo", "works"}}); code != 0 || out != "works\n" {
		t.Errorf("status %d, %q", code, out)
	}
	c := muteAt(t, "/dev")
	_, err := e.Debug(t.Context(), engine.DebugRequest{Target: c.ID, Command: []string{"true"}}, engine.Streams{})
	if !errors.Is(err, fault.NoDev) {
		t.Errorf("error %v, want fault.NoDev", err)
	}
	if logs := c.Logs(); strings.Contains(logs, "asked") {
		t.Errorf("the file system was asked: %s", logs)
	}
}

// TestAttackFUSE: /etc is a FUSE file system whose server takes requests and answers none. A
// session of it ends with its context, and ps lists the container. The kernel keeps whoever has
// asked from ending, even when killed; the defence is that a forked child asks.
func TestAttackFUSE(t *testing.T) {
	e := newLocal(t)
	if _, err := os.Stat("/dev/fuse"); err != nil {
		testutil.SkipOrFail(t, "needs FUSE: "+err.Error())
	}
	for _, at := range []string{"/etc", "/bin"} {
		c := muteAt(t, at)
		began := time.Now()
		list, err := e.List(t.Context())
		if took := time.Since(began); err != nil || len(list) == 0 || took > attackLimit/2 {
			t.Errorf("%s: ps has %d containers after %v, %v", at, len(list), took, err)
		}
		if at == "/bin" {
			continue
		}
		given := errors.New("given up")
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := time.AfterFunc(time.Second, func() { cancel(given) })
		_, err = e.Debug(ctx, engine.DebugRequest{Target: c.ID, FS: engine.FSTarget, Command: []string{"/mute"}}, engine.Streams{})
		stop.Stop()
		if !errors.Is(err, given) {
			t.Errorf("error %v, want the context's cause", err)
		}
		_, err = e.Debug(t.Context(), engine.DebugRequest{Target: c.ID, FS: engine.FSTarget, Timeout: time.Second, Command: []string{"/mute"}}, engine.Streams{})
		if !errors.Is(err, engine.ErrTimeout) {
			t.Errorf("error %v, want engine.ErrTimeout", err)
		}
		if took := time.Since(began); took > attackLimit/2 {
			t.Errorf("it took %v", took)
		}
	}
}
