package deploy_test

import (
	"context"
	"errors"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/internal/testutil"
)

// targets are what the agent looks into.
type targets struct {
	image        string
	web, other   *testutil.Container // root's, another user's
	stopped, one string
}

func newTargets(t *testing.T) *targets {
	t.Helper()
	image := testutil.Image(t, "pause", testutil.Prog(t, "pause"))
	w := &targets{image: image, web: testutil.Run(t, testutil.RunOptions{Image: image}), other: testutil.Run(t, testutil.RunOptions{Image: image, User: "1000"})}
	w.stopped = testutil.Run(t, testutil.RunOptions{Image: image, NoStart: true}).Name
	// Docker lets everybody bind low ports in its containers.
	low := docker(t, "run", "-d", "--sysctl", "net.ipv4.ip_unprivileged_port_start=1024", image)
	t.Cleanup(func() { docker(t, "rm", "-f", low) })
	w.one = low
	return w
}

// without is what fails without a capability, as the page's table has it.
func (w *targets) without() map[string][]string {
	sh := func(target, script string, flags ...string) []string {
		return append(append([]string{"debug"}, flags...), target, "--", "sh", "-c", script)
	}
	debug := sh(w.web.Name, "true")
	return map[string][]string{
		"SYS_ADMIN": debug, "SYS_CHROOT": debug, "MKNOD": debug, "DAC_OVERRIDE": debug, "SETGID": debug, "SETPCAP": debug,
		"SYS_PTRACE":       sh(w.other.Name, "true"),
		"CHOWN":            debug, // the agent does not begin
		"SETUID":           sh(w.web.Name, "true", "--user", "1000"),
		"FOWNER":           sh(w.web.Name, "touch /f && chown 7 /f && chmod 600 /f; s=$?; rm /f; exit $s"),
		"FSETID":           sh(w.web.Name, "touch /g && chgrp 7 /g && chmod 2755 /g && test -g /g; s=$?; rm /g; exit $s"),
		"KILL":             sh(w.other.Name, "kill -0 1", "--user", "0"),
		"NET_ADMIN":        {"debug", "--stopped", w.stopped, "--", "true"},
		"NET_RAW":          {"capture", "--duration", "100ms", "-w", "-", w.web.Name},
		"NET_BIND_SERVICE": sh(w.one, "timeout 1 nc -l -p 81; test $? = 124"),
	}
}

// TestContainer: the page's container does what an agent does, leaves nothing, and all of its
// capabilities are needed.
func TestContainer(t *testing.T) {
	testutil.RequireRoot(t)
	testutil.RequireDocker(t)
	p := readPage(t)
	w := newTargets(t)
	needs := w.without()
	if diff := cmp.Diff(p.caps, p.table); diff != "" {
		t.Errorf("capabilities of the command and of the table (-command +table):\n%s", diff)
	}
	if diff := cmp.Diff(p.caps, slices.Sorted(maps.Keys(needs))); diff != "" {
		t.Errorf("capabilities of the page and of the test (-page +test):\n%s", diff)
	}
	built := image(t, p)
	t.Run("all", func(t *testing.T) {
		a := start(t, p, built, "")
		for _, args := range append(slices.Collect(maps.Values(needs)), w.more()...) {
			if out, err := a.do(args...); err != nil {
				t.Errorf("%q: %v\n%s", args, err, out)
			}
		}
		a.holds(w.image)
		a.stopped(w, "stop", "0")
	})
	t.Run("killed", func(t *testing.T) { start(t, p, built, "").stopped(w, "kill", "137") })
	options := map[string][]string{
		"--security-opt seccomp=deploy/seccomp.json": needs["NET_ADMIN"],
		"--pid host":                       needs["SYS_ADMIN"],
		"-v /sys/fs/cgroup:/sys/fs/cgroup": needs["SYS_ADMIN"],
	}
	for name, args := range needs {
		options["--cap-add "+name] = args
	}
	for option, args := range options {
		t.Run("without "+option, func(t *testing.T) {
			a := start(t, p, built, option)
			out, err := a.do(args...)
			exit := (*exec.ExitError)(nil)
			if !errors.As(err, &exit) || strings.Contains(out, "is refused") || strings.Contains(out, "no agent answers") != (option == "--cap-add CHOWN") {
				t.Errorf("%q: %v\n%s", args, err, out)
			}
			t.Logf("%q: %s", args, out)
		})
	}
}

// more is what needs no capability that something else does not.
func (w *targets) more() [][]string {
	return [][]string{
		{"ps"}, {"doctor"}, {"toolbox", "list"}, {"sessions"},
		{"debug", "image://" + w.image, "--", "true"},
		{"debug", "--fs", "host", w.web.Name, "--", "/dlx", "version"},
		{"debug", "--profile", "netadmin", w.web.Name, "--", "ip", "link", "set", "lo", "mtu", "60000"},
		{"debug", w.web.Name, "--", "sh", "-c", "strace -o /dev/null -p 1 & p=$!; until grep -q 'TracerPid:.[1-9]' /proc/1/status; do sleep 0.1; done; kill -INT $p; wait $p; ! grep -q 'TracerPid:.[1-9]' /proc/1/status"},
		{"capture", "-D", w.web.Name},
		{"capture", "-i", "any", "--duration", "100ms", w.other.Name, "port", "80"},
		{"inject", w.web.Name}, {"eject", w.web.Name}, {"inject", w.other.Name}, {"eject", w.other.Name}, {"inject", w.stopped}, {"eject", w.stopped},
	}
}

// holds has it hold a container at its end, and at its start.
func (a *agent) holds(image string) {
	t := a.t
	t.Helper()
	c := testutil.Run(t, testutil.RunOptions{Image: image, User: "1000"})
	for _, step := range []struct {
		when, waits, told string
		change            func()
	}{
		{"--on-exit", "to end", "is ending", func() { c.Kill("TERM") }},
		{"--on-start", "to start", "before its first instruction", c.Restart},
	} {
		var out testutil.Output
		cmd := a.command(t.Context(), "debug", step.when, "--hold", "10s", c.Name, "--", "echo", "held")
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		testutil.Wait(t, "the wait for the container "+step.waits, limit, func() bool { return strings.Contains(out.String(), step.waits) })
		step.change()
		if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), step.told) || !strings.Contains(out.String(), "held\n") {
			t.Errorf("%s: %v\n%s", step.when, err, &out)
		}
		if step.when == "--on-exit" {
			testutil.Wait(t, "the container's end", limit, func() bool { return !c.Inspect().State.Running })
			c.Start()
		}
	}
}

// stopped ends the container while there is a session, and looks at what it leaves.
func (a *agent) stopped(w *targets, how, status string) {
	t := a.t
	t.Helper()
	before := w.web.Processes()
	pid := a.inspect("{{.State.Pid}}")
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var out testutil.Output
	session := a.command(ctx, "debug", w.web.Name, "--", "sh", "-c", "echo begun; sleep 1000")
	session.Stdout, session.Stderr = &out, &out
	if err := session.Start(); err != nil {
		t.Fatal(err)
	}
	testutil.Wait(t, "the session", limit, func() bool { return strings.Contains(out.String(), "begun") })
	if len(a.groups(pid)) == 0 {
		t.Error("the session has no control group")
	}
	docker(t, how, a.id)
	if err := session.Wait(); err == nil {
		t.Errorf("the session ended as if nothing were wrong: %s", &out)
	}
	if got := a.inspect("{{.State.ExitCode}}"); got != status {
		t.Errorf("the agent's exit status is %s, want %s:\n%s", got, status, a.log())
	}
	testutil.Wait(t, "the session's control groups to go", limit, func() bool { return len(a.groups(pid)) == 0 })
	testutil.Wait(t, "the container's processes to be as they were", limit, func() bool { return len(w.web.Processes()) == len(before) })
	if diff := w.web.Diff(); len(diff) > 0 {
		t.Errorf("left in the container: %q", diff)
	}
}
