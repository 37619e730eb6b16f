//go:build linux

package enginetest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
)

// targets debugs every kind of container, without a trace.
func (s *suite) targets(t *testing.T) {
	e := s.engine(t)
	image := testutil.Image(t, "pause", testutil.Prog(t, "pause"))
	threads := testutil.Image(t, "threads", testutil.Prog(t, "threads"))
	tests := map[string]testutil.RunOptions{
		"scratch":                {},
		"read-only":              {ReadOnly: true},
		"user":                   {User: "65532:65532"},
		"no capabilities":        {CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges"}},
		"all of it":              {ReadOnly: true, User: "65532:65532", CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges"}},
		"host network":           {NetworkMode: "host"},
		"host pid":               {PidMode: "host"},
		"host ipc":               {IpcMode: "host"},
		"no network":             {NetworkMode: "none"},
		"administrator":          {CapAdd: []string{"SYS_ADMIN"}, SecurityOpt: []string{"seccomp=unconfined"}},
		"private cgroup ns":      {CgroupnsMode: "private"},
		"multithreaded init":     {Image: threads},
		"shared network and pid": {NetworkMode: "container:" + s.pause(t, testutil.RunOptions{}).ID},
	}
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			if opts.Image == "" {
				opts.Image = image
			}
			if opts.NetworkMode == "" && name != "scratch" { // which has a network of its own
				opts.NetworkMode = testutil.SharedNetwork(t)
			}
			c := testutil.Run(t, opts)
			if opts.PidMode == "" {
				untouched(t, c)
			}
			s.each(t, e, c)
		})
	}
	t.Run("paused", func(t *testing.T) {
		c := s.pause(t, testutil.RunOptions{})
		c.Pause()
		defer c.Unpause()
		if out := sh(t, e, engine.DebugRequest{Target: c.ID}, "ls /"); !strings.Contains(out, "pause") {
			t.Errorf("files of a paused container: %q", out)
		}
	})
	t.Run("changed root", func(t *testing.T) {
		box := testutil.RequireTool(t, "busybox")
		image := testutil.Image(t, "jail", testutil.HostFile(t, box, "/bin/busybox"), testutil.HostFile(t, box, "/jail/bin/busybox"), testutil.Dir("/jail/dev", 0o755))
		c := testutil.Run(t, testutil.RunOptions{Image: image, Cmd: []string{"/bin/busybox", "chroot", "/jail", "/bin/busybox", "sleep", "100000"}})
		testutil.Wait(t, "the container's new root", limit, func() bool {
			_, err := os.Stat(fmt.Sprintf("/proc/%d/root/jail", c.PID))
			return os.IsNotExist(err)
		})
		untouched(t, c)
		for _, name := range []string{c.ID, fmt.Sprintf("pid://%d", c.PID)} {
			for _, req := range []engine.DebugRequest{{}, {ReadOnly: true}, {FS: engine.FSTarget}, {FS: engine.FSTarget, ReadOnly: true}} {
				req.Target, req.Command = name, []string{"/bin/busybox", "sh", "-c", "/bin/busybox ls /; : >/file && /bin/busybox rm /file"}
				res, err := debug(t, e, req, "")
				if err != nil || res.Out != "bin\ndev\n" || (res.Code == 0) == req.ReadOnly {
					t.Errorf("%s, %q, read-only %v: %+v, %v", name, req.FS, req.ReadOnly, res, err)
				}
			}
		}
	})
	t.Run("tracer", func(t *testing.T) {
		c := s.pause(t, testutil.RunOptions{CapAdd: []string{"SYS_PTRACE"}})
		untouched(t, c)
		for _, profile := range []string{"general", "sysadmin"} {
			req := engine.DebugRequest{Target: c.ID, FS: engine.FSHost, Profile: profile, Command: []string{"true"}}
			if _, err := debug(t, e, req, ""); !errors.Is(err, fault.HostExposed) {
				t.Errorf("host's files under profile %s in a container that can trace: error %v, want fault.HostExposed", profile, err)
			}
		}
		plain := s.pause(t, testutil.RunOptions{})
		for _, req := range []engine.DebugRequest{{Profile: "baseline"}, {Profile: "restricted"}, {User: "1000"}} {
			req.Target, req.FS, req.Command = plain.ID, engine.FSHost, []string{"true"}
			if _, err := debug(t, e, req, ""); !errors.Is(err, fault.HostExposed) {
				t.Errorf("host's files with no capability that the container lacks (%+v): error %v", req, err)
			}
		}
	})
	t.Run("user namespace", func(t *testing.T) {
		docker := testutil.RemappedDocker(t)
		image := docker.Image(t, "userns", testutil.Prog(t, "pause"))
		e := s.engineAt(t, Place{Docker: docker.Host, State: t.TempDir(), Config: s.place.Config})
		for name, opts := range map[string]testutil.RunOptions{"remapped": {}, "host's": {UsernsMode: "host"}, "read-only": {ReadOnly: true}} {
			t.Run(name, func(t *testing.T) {
				opts.Image = image
				c := docker.Run(t, opts)
				untouched(t, c)
				s.each(t, e, c)
			})
		}
	})
}

// each checks the three file systems on one container.
func (s *suite) each(t *testing.T, e engine.Engine, c *testutil.Container) {
	t.Helper()
	script := "ls /; test -x /dev/.dlx/bin/dlx-tools && ! (echo >/dev/.dlx/bin/x) 2>/dev/null && cat /proc/self/comm && id -u"
	out := sh(t, e, engine.DebugRequest{Target: c.Name}, script)
	if !strings.HasSuffix(out, "cat\n0\n") || !strings.Contains(out, "proc\n") {
		t.Errorf("toolbox session printed %q", out)
	}
	for _, profile := range []string{"baseline", "restricted", "netadmin", "sysadmin"} {
		sh(t, e, engine.DebugRequest{Target: c.ID, Profile: profile}, "true")
	}
	if pid, err := e.Debug(t.Context(), engine.DebugRequest{Target: c.ID, FS: engine.FSTarget, Command: []string{"/true"}},
		engine.Streams{}); err == nil || pid != 0 {
		t.Errorf("a program that is not in the container: status %d, error %v", pid, err)
	}
	res, err := debug(t, e, engine.DebugRequest{Target: c.ID, FS: engine.FSHost, Command: []string{"sh", "-c", "test -e /etc/debian_version && cat /proc/1/comm"}}, "")
	if err != nil || res.Code != 0 {
		t.Errorf("host's files: %+v, %v", res, err)
	}
}
