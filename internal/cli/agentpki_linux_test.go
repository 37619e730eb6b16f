package cli

import (
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"dlx/internal/testutil"
)

// TestAgentPKI runs testdata/pki/*.txtar, in which `status N dlx agent pki ...` is in this process.
func TestAgentPKI(t *testing.T) {
	testutil.RequireRoot(t) // scripts give files to others
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/pki",
		RequireExplicitExec: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"status": func(ts *testscript.TestScript, neg bool, args []string) {
			want, err := strconv.Atoi(args[0])
			if neg || err != nil || len(args) < 2 || args[1] != "dlx" {
				ts.Fatalf("usage: status N dlx ARG...")
			}
			a := &app{stdout: ts.Stdout(), stderr: ts.Stderr()}
			agent := &cobra.Command{Use: "agent"}
			agent.AddCommand(a.agentPKICommand())
			root := &cobra.Command{Use: "dlx", SilenceErrors: true, SilenceUsage: true}
			root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
			root.AddCommand(agent)
			root.SetOut(a.stdout)
			root.SetArgs(args[2:])
			got := 0
			if cmd, err := root.ExecuteC(); err != nil {
				a.report(err)
				got = exitStatus(cmd.Name(), err)
			}
			if got != want {
				ts.Fatalf("%s: exit status %d, want %d", strings.Join(args[1:], " "), got, want)
			}
		}},
	})
}

// TestPKIFolder: the default is the user's own.
func TestPKIFolder(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", "/home/x/.config")
	for in, want := range map[string]string{"": "/home/x/.config/dlx/pki", "here": "here"} {
		if got, err := (&pkiOptions{dir: in}).folder(); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("HOME", "")
	if got, err := (&pkiOptions{}).folder(); err == nil {
		t.Errorf("without a home: %q", got)
	}
}
