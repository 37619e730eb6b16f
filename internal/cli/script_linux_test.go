package cli_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/vishvananda/netns"

	"dlx/internal/testutil"
	"dlx/nsutil"
)

// TestScripts runs testdata/*.txtar: each has containers of its own, which of WEB (an HTTP server
// in a scratch image), BOX (with busybox) and STOPPED it names, NETNS that no container is in, and
// dlx on PATH.
func TestScripts(t *testing.T) {
	testutil.RequireRoot(t)
	testutil.RequireDocker(t)
	bin := testutil.BuildDlx(t)
	web := testutil.Image(t, "web", testutil.Prog(t, "web"))
	library := testutil.Prog(t, "pause") // as one is, for who looks for programs
	library.Path, library.Mode = "/bin/library.so", 0o644
	box := testutil.Image(t, "box", testutil.Prog(t, "pause"), testutil.Busybox(t), testutil.Symlink("/bin/sh", "busybox"), library)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for _, dir := range []string{env.WorkDir, filepath.Dir(env.WorkDir)} { // for scripts that run as somebody else
				if err := os.Chmod(dir, 0o711); err != nil {
					return err
				}
			}
			env.Setenv("PATH", filepath.Dir(bin)+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("DLX", bin)
			env.Setenv("REPOSITORY", testutil.ModuleRoot(t))
			env.Setenv("CAPTURING", filepath.Join(testutil.ModuleRoot(t), "internal/cli/testdata/capturing.sh"))
			env.Setenv("DOCKER_HOST", os.Getenv("DOCKER_HOST"))
			static := filepath.Join(env.WorkDir, "static") // a program that needs nothing
			if err := os.WriteFile(static, testutil.Prog(t, "true").Data, 0o755); err != nil {
				return err
			}
			env.Setenv("STATIC", static)
			env.Setenv("BOX_IMAGE", box)
			if err := newNetns(env); err != nil {
				return err
			}
			env.Setenv("DLX_STATE_DIR", filepath.Join(env.WorkDir, "state"))
			containers := map[string]testutil.RunOptions{
				"WEB": {Image: web}, "BOX": {Image: box}, "STOPPED": {Image: box, NoStart: true},
			}
			script, err := os.ReadFile(filepath.Join("testdata", strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")+".txtar"))
			if err != nil {
				return err
			}
			for name, opts := range containers {
				if !regexp.MustCompile(`\$\{?` + name + `(_ID|_PID)?\b`).Match(script) {
					continue
				}
				c := testutil.Run(t, opts)
				env.Setenv(name, c.Name)
				env.Setenv(name+"_ID", c.ID)
				env.Setenv(name+"_PID", strconv.Itoa(c.PID))
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"status": status},
	})
}

// newNetns makes a network namespace with a name, as ip-netns(8) does.
func newNetns(env *testscript.Env) error {
	name := fmt.Sprintf("dlx-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	env.Setenv("NETNS", name)
	env.Defer(func() { _ = netns.DeleteNamed(name) }) // what is left is found by the leak check
	return nsutil.OnThread(func() error {
		handle, err := netns.NewNamed(name)
		if err != nil {
			return err
		}
		return handle.Close()
	})
}

// status runs a command and checks its exit status: status N COMMAND ARG...
func status(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND ARG...")
	}
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		exit := (*exec.ExitError)(nil)
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", strings.Join(args[1:], " "), err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s: exit status %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}
