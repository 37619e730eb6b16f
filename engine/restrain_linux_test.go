package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
)

// restrained runs a command and returns what was said of its restraints, with its output.
func restrained(t *testing.T, e engine.Engine, req engine.DebugRequest) (engine.Restraints, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), attackLimit)
	defer cancel()
	var out testutil.Output
	var told engine.Restraints
	streams := engine.Streams{Stdout: &out, Stderr: &out, Restrained: func(r engine.Restraints) { told = r }}
	if code, err := e.Debug(ctx, req, streams); err != nil || code != 0 {
		t.Fatalf("debug %+v: status %d, %v, output %s", req, code, err, out.String())
	}
	return told, out.String()
}

// status are the fields of a process's status that a filter and no_new_privs show in.
const status = `grep -E '^(NoNewPrivs|Seccomp|Seccomp_filters):' /proc/self/status | tr -s '\t\n' '  '`

// filterOf is an option that has a container's filter do something with one system call, and allow
// the others.
func filterOf(t *testing.T, name, action string) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"defaultAction": "SCMP_ACT_ALLOW",
		"syscalls":      []any{map[string]any{"names": []string{name}, "action": action}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return "seccomp=" + string(text)
}

// TestRestrainedTooMuch: a container whose filter lets no session begin has its session refused,
// with what works instead.
func TestRestrainedTooMuch(t *testing.T) {
	e := newLocal(t)
	image := testutil.Image(t, "sleep", testutil.Busybox(t))
	for _, filter := range []string{
		filterOf(t, "execveat", "SCMP_ACT_ERRNO"), filterOf(t, "execveat", "SCMP_ACT_KILL_PROCESS"),
		filterOf(t, "sigaltstack", "SCMP_ACT_ERRNO"),
	} {
		c := testutil.Run(t, testutil.RunOptions{Image: image, Cmd: []string{"/bin/busybox", "sleep", "1000"}, SecurityOpt: []string{filter}, NetworkMode: testutil.SharedNetwork(t)})
		_, err := e.Debug(t.Context(), engine.DebugRequest{Target: c.ID, Profile: "baseline", Command: []string{"true"}}, engine.Streams{})
		if !errors.Is(err, fault.SeccompDenies) {
			t.Errorf("%s: %v, want fault.SeccompDenies", filter, err)
		}
		if code, _ := run(t, e, engine.DebugRequest{Target: c.ID, Command: []string{"true"}}); code != 0 {
			t.Errorf("%s: status %d under general", filter, code)
		}
	}
}

// TestRestraints: what restrains a container restrains a session in it, and is told of.
func TestRestraints(t *testing.T) {
	e := newLocal(t)
	filter := func(name string) string { return filterOf(t, name, "SCMP_ACT_ERRNO") }
	for name, c := range map[string]struct {
		options testutil.RunOptions
		req     engine.DebugRequest
		script  string
		want    string
		told    engine.Restraints
	}{
		"general": {
			script: status, want: "NoNewPrivs: 1 Seccomp: 2 Seccomp_filters: 1 ",
			told: engine.Restraints{NoNewPrivs: true, Seccomp: "Docker's default and debuggers' calls", Devices: "the container's"},
		},
		"netadmin": {
			script: status, want: "NoNewPrivs: 1 Seccomp: 2 Seccomp_filters: 1 ",
			told: engine.Restraints{NoNewPrivs: true, Seccomp: "Docker's default", Devices: "the container's"},
		},
		"sysadmin": {
			script: status, want: "NoNewPrivs: 0 Seccomp: 0 Seccomp_filters: 0 ",
			told: engine.Restraints{Devices: "the container's"},
		},
		"sysadmin, of a container with no_new_privs": {
			options: testutil.RunOptions{SecurityOpt: []string{"no-new-privileges"}},
			script:  status, want: "NoNewPrivs: 1 Seccomp: 0 Seccomp_filters: 0 ",
			told: engine.Restraints{NoNewPrivs: true, Devices: "the container's"},
		},
		"baseline": {
			options: testutil.RunOptions{SecurityOpt: []string{filter("mkdir")}},
			script:  "mkdir /dev/shm/x 2>&1; true", want: "mkdir: can't create directory '/dev/shm/x': Operation not permitted\n",
			told: engine.Restraints{NoNewPrivs: true, Seccomp: "the container's (1)", Devices: "the container's"},
		},
		"restricted": {
			options: testutil.RunOptions{SecurityOpt: []string{filter("mkdir")}},
			script:  "mkdir /dev/shm/x 2>&1; true", want: "mkdir: can't create directory '/dev/shm/x': Operation not permitted\n",
			told: engine.Restraints{NoNewPrivs: true, Seccomp: "the container's (1)", Devices: "the container's"},
		},
		"baseline, of a container without a filter": {
			options: testutil.RunOptions{SecurityOpt: []string{"seccomp=unconfined"}},
			script:  "unshare -m true 2>&1; true", want: "unshare: unshare(0x20000): Operation not permitted\n",
			told: engine.Restraints{NoNewPrivs: true, Seccomp: "Docker's default", Devices: "the container's"},
		},
		"general, with limits": {
			options: testutil.RunOptions{Change: func(_ *container.Config, host *container.HostConfig) {
				host.OomScoreAdj = 321
				host.Ulimits = []*container.Ulimit{{Name: "nofile", Soft: 111, Hard: 222}, {Name: "core", Soft: 1 << 20, Hard: 1 << 20}}
			}},
			script: "ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj", want: "111\n222\n0\n321\n",
			told: engine.Restraints{
				NoNewPrivs: true, Seccomp: "Docker's default and debuggers' calls", Devices: "the container's", OOMScoreAdj: 321,
			},
		},
		"general, of a privileged container": {
			options: testutil.RunOptions{CapAdd: []string{"SYS_ADMIN"}, Change: func(_ *container.Config, host *container.HostConfig) {
				host.DeviceCgroupRules = []string{"a *:* rwm"}
			}},
			script: "true",
			told: engine.Restraints{
				NoNewPrivs: true, Seccomp: "Docker's default and debuggers' calls", Devices: "all, as the container", Privileged: true,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			// Go's programs raise their limit of open files.
			c.options.Image, c.options.Cmd = testutil.Image(t, "sleep", testutil.Busybox(t)), []string{"/bin/busybox", "sleep", "1000"}
			c.options.NetworkMode = testutil.SharedNetwork(t)
			box := testutil.Run(t, c.options)
			c.req.Target, c.req.Command = box.ID, []string{"sh", "-c", c.script}
			c.req.Profile, _, _ = strings.Cut(name, ",")
			told, out := restrained(t, e, c.req)
			if out != c.want {
				t.Errorf("%q, want %q", out, c.want)
			}
			c.told.Profile, c.told.Nodev = c.req.Profile, true
			told.Capabilities, told.Limits = nil, 0
			if diff := cmp.Diff(c.told, told); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRestraintsOfPaused: a frozen process does not stop for its filters to be copied, and is not
// waited for.
func TestRestraintsOfPaused(t *testing.T) {
	e := newLocal(t)
	box := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause")), NetworkMode: testutil.SharedNetwork(t)})
	box.Pause()
	t.Cleanup(box.Unpause)
	told, out := restrained(t, e, engine.DebugRequest{Target: box.ID, Profile: "baseline", Command: []string{"sh", "-c", status}})
	if told.Seccomp != "Docker's default" || out != "NoNewPrivs: 1 Seccomp: 2 Seccomp_filters: 1 " {
		t.Errorf("%s; %q", told, out)
	}
}

// TestAttackHostFiles: a container that shares the host's processes traces a session with the
// host's files, and reaches these through /proc/PID/root. The defence: every such session has a
// capability that containers lack.
func TestAttackHostFiles(t *testing.T) {
	e := newLocal(t)
	image := testutil.Image(t, "pause", testutil.Prog(t, "pause"))
	own := testutil.Run(t, testutil.RunOptions{Image: image, NetworkMode: testutil.SharedNetwork(t)})
	host := testutil.Run(t, testutil.RunOptions{Image: image, PidMode: "host", NetworkMode: testutil.SharedNetwork(t)})
	traces := testutil.Run(t, testutil.RunOptions{Image: image, PidMode: "host", NetworkMode: testutil.SharedNetwork(t), CapAdd: []string{"SYS_PTRACE"}})
	for _, c := range []struct {
		box  *testutil.Container
		req  engine.DebugRequest
		safe bool
	}{
		{own, engine.DebugRequest{Profile: "general"}, true},
		{own, engine.DebugRequest{Profile: "baseline"}, false},
		{own, engine.DebugRequest{Profile: "restricted"}, false},
		{own, engine.DebugRequest{Profile: "sysadmin", User: "1000"}, false},
		{host, engine.DebugRequest{Profile: "general"}, true},
		{host, engine.DebugRequest{Profile: "baseline"}, false},
		{host, engine.DebugRequest{Profile: "sysadmin"}, true},
		{traces, engine.DebugRequest{Profile: "general"}, false},
		{traces, engine.DebugRequest{Profile: "netadmin"}, false},
	} {
		c.req.Target, c.req.FS, c.req.Command = c.box.ID, engine.FSHost, []string{"true"}
		_, err := e.Debug(t.Context(), c.req, engine.Streams{})
		exposed := errors.Is(err, fault.HostExposed)
		if exposed == c.safe || err != nil && !exposed {
			t.Errorf("%s", fmt.Sprintf("%+v: %v, want an exposed host %v", c.req, err, !c.safe))
		}
	}
}
