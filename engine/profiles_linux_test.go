package engine_test

import (
	"context"
	"strings"
	"testing"

	"dlx/engine"
	"dlx/internal/testutil"
	"dlx/shell"
)

// attach traces the container's first process for as long as it takes to say so.
const attach = `strace -o /dev/null -p 1 2>/tmp/e.$$ & for n in 1 2 3 4 5 6 7 8 9; do grep -q attached /tmp/e.$$ && { kill -INT $!; exit 0; }; sleep 0.1; done; exit 1`

// deeds are what a session's tools do, each as a command that succeeds where the profile allows it.
var deeds = []struct {
	name string
	fs   engine.FS
	args []string
}{
	{"`strace CMD`", engine.FSToolbox, []string{"strace", "-o", "/dev/null", "true"}},
	{"`strace -p 1`", engine.FSToolbox, []string{"sh", "-c", attach}},
	{"`gdb -p 1` (`--fs host`)", engine.FSHost, []string{"gdb", "-p", "1", "-batch", "-ex", "info registers"}},
	{"perf_event_open(2)", engine.FSTarget, []string{"/perf"}},
	{"`tcpdump`", engine.FSToolbox, []string{"timeout", "--preserve-status", "-s", "INT", "-k", "9", "1", "tcpdump", "-ni", "lo"}},
	{"`ping`", engine.FSToolbox, []string{"ping", "-c", "1", "127.0.0.1"}},
	{"`ip link set lo mtu`", engine.FSToolbox, []string{"ip", "link", "set", "lo", "mtu", "1400"}},
	{"`chown`", engine.FSToolbox, []string{"sh", "-c", "rm -f /dev/shm/x; : >/dev/shm/x && chown 1 /dev/shm/x"}},
	{"`mount`", engine.FSToolbox, []string{"mount", "-t", "tmpfs", "none", "/proc/acpi"}},
	{"`dmesg`", engine.FSToolbox, []string{"sh", "-c", "dmesg >/dev/null"}},
	{"open a device that the container may not", engine.FSToolbox, []string{"sh", "-c", "rm -f /x; mknod /x b 7 0 && cat /x"}},
}

// TestProfiles makes the table of docs/profiles.md, which says what works in which profile.
func TestProfiles(t *testing.T) {
	testutil.RequireTool(t, "gdb")
	e := newLocal(t)
	perf := testutil.Prog(t, "perf")
	c := testutil.Run(t, testutil.RunOptions{
		Image: testutil.Image(t, "perf", testutil.Prog(t, "pause"), perf, testutil.Busybox(t)), Cmd: []string{"/bin/busybox", "sleep", "1000"}, Tmpfs: map[string]string{"/tmp": "mode=1777"},
	})
	var table strings.Builder
	table.WriteString("| | " + strings.Join(shell.ProfileNames(), " | ") + " |\n|" + strings.Repeat(" --- |", 1+len(shell.ProfileNames())) + "\n")
	for _, deed := range deeds {
		table.WriteString("| " + deed.name)
		for _, profile := range shell.ProfileNames() {
			req := engine.DebugRequest{Target: c.ID, FS: deed.fs, Profile: profile, Command: deed.args}
			table.WriteString(" | " + works(t, e, req))
		}
		table.WriteString(" |\n")
	}
	testutil.Section(t, "docs/profiles.md", "tools", table.String())
}

// works runs a command and says what became of it.
func works(t *testing.T, e engine.Engine, req engine.DebugRequest) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), attackLimit)
	defer cancel()
	var out testutil.Output
	code, err := e.Debug(ctx, req, engine.Streams{Stdout: &out, Stderr: &out})
	t.Logf("%s %v: %d %v %s", req.Profile, req.Command, code, err, out.String())
	switch {
	case err != nil:
		return "refused"
	case code == 0:
		return "yes"
	}
	return "no"
}
