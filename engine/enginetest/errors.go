//go:build linux

package enginetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"dlx/engine"
	"dlx/internal/testutil"
	"dlx/shell"
	"dlx/target"
)

// hinter is what every error that a person can do something about is.
type hinter interface{ Hint() string }

// errors checks that each bad request is refused by its own error, with a hint.
func (s *suite) errors(t *testing.T) {
	e := s.engine(t)
	c := s.pause(t, testutil.RunOptions{})
	untouched(t, c)
	stopped := s.pause(t, testutil.RunOptions{NoStart: true})
	tests := []struct {
		name string
		req  engine.DebugRequest
		want any
	}{
		{"not found", engine.DebugRequest{Target: "no-such-container"}, new(*target.NotFoundError)},
		{"not found by scheme", engine.DebugRequest{Target: "docker://no-such-container"}, new(*target.NotFoundError)},
		{"no such process", engine.DebugRequest{Target: "pid://4194303"}, new(*target.NotFoundError)},
		{"not running", engine.DebugRequest{Target: stopped.ID}, new(*target.NotRunningError)},
		{"empty target", engine.DebugRequest{Target: ""}, new(*target.RefError)},
		{"path as target", engine.DebugRequest{Target: "../../etc"}, new(*target.RefError)},
		{"unknown scheme", engine.DebugRequest{Target: "lxc://x"}, new(*target.RefError)},
		{"bad pid", engine.DebugRequest{Target: "pid://-1"}, new(*target.RefError)},
		{"kernel thread", engine.DebugRequest{Target: "pid://2"}, new(*target.KernelThreadError)},
		{"profile", engine.DebugRequest{Target: c.ID, Profile: "wheel"}, new(*shell.UnknownProfileError)},
		{"file system", engine.DebugRequest{Target: c.ID, FS: "zfs"}, new(*engine.FSError)},
		{"user", engine.DebugRequest{Target: c.ID, User: "nobody-knows"}, new(*shell.UnknownUserError)},
		{"variable", engine.DebugRequest{Target: c.ID, Env: []string{"=x"}}, new(*engine.EnvError)},
		{"100 MB of environment", engine.DebugRequest{Target: c.ID, Env: []string{"BIG=" + strings.Repeat("x", 100<<20)}}, new(*shell.EnvTooLargeError)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := debug(t, e, tt.req, "")
			var h hinter
			if !errors.As(err, tt.want) || !errors.As(err, &h) || h.Hint() == "" {
				t.Errorf("error %T %v, want %T with a hint", err, err, tt.want)
			}
		})
	}
	t.Run("container with a large environment", func(t *testing.T) {
		big := make([]string, 40)
		for i := range big {
			big[i] = "V" + strings.Repeat("x", i) + "=" + strings.Repeat("y", 50<<10)
		}
		c := s.pause(t, testutil.RunOptions{Env: big})
		_, err := debug(t, e, engine.DebugRequest{Target: c.ID, KeepEnv: true, Command: []string{"true"}}, "")
		if large := (*shell.EnvTooLargeError)(nil); !errors.As(err, &large) {
			t.Errorf("error %v, want *shell.EnvTooLargeError", err)
		}
		for _, req := range []engine.DebugRequest{{}, {ClearEnv: true}} { // what is left out counts in neither
			req.Target, req.Command = c.ID, []string{"true"}
			if res, err := debug(t, e, req, ""); err != nil || res.Code != 0 {
				t.Errorf("without its environment: %+v, %v", res, err)
			}
		}
	})
	t.Run("process with a large environment", func(t *testing.T) {
		// bash makes it: this process's own limit would keep it from being passed on.
		cmd := exec.Command(testutil.RequireTool(t, "bash"), "-c", `ulimit -s 65536; for i in {1..40}; do export V$i=$(printf %0100000d 0); done; exec sleep 1000`)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { _, _ = cmd.Process.Kill(), cmd.Wait() }()
		req := engine.DebugRequest{Target: fmt.Sprintf("pid://%d", cmd.Process.Pid), Command: []string{"true"}}
		testutil.Wait(t, "the process's environment", limit, func() bool {
			comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", cmd.Process.Pid))
			return string(comm) == "sleep\n"
		})
		_, err := debug(t, e, req, "")
		if large := (*shell.EnvTooLargeError)(nil); !errors.As(err, &large) {
			t.Errorf("error %v, want *shell.EnvTooLargeError", err)
		}
		req.ClearEnv = true
		if res, err := debug(t, e, req, ""); err != nil || res.Code != 0 {
			t.Errorf("without its environment: %+v, %v", res, err)
		}
	})
	t.Run("ambiguous", func(t *testing.T) { s.ambiguous(t, e) })
	t.Run("prefixes", func(t *testing.T) { s.prefixes(t, e) })
	t.Run("commands", func(t *testing.T) { s.commands(t, e, c) })
	t.Run("root under restricted", func(t *testing.T) {
		if _, err := debug(t, e, engine.DebugRequest{Target: c.ID, Profile: "restricted", User: "0"}, ""); !errors.Is(err, shell.ErrRootRestricted) {
			t.Errorf("error %v, want ErrRootRestricted", err)
		}
	})
}

// ambiguous makes containers until two IDs begin with the same character: seventeen at the most.
func (s *suite) ambiguous(t *testing.T, e engine.Engine) {
	seen := map[byte]bool{}
	for range 17 {
		id := s.pause(t, testutil.RunOptions{NoStart: true}).ID
		if !seen[id[0]] {
			seen[id[0]] = true
			continue
		}
		_, err := debug(t, e, engine.DebugRequest{Target: id[:1]}, "")
		if ambiguous := (*target.AmbiguousError)(nil); !errors.As(err, &ambiguous) || len(ambiguous.Hits) < 2 {
			t.Errorf("prefix %q: error %v, want *target.AmbiguousError", id[:1], err)
		}
		return
	}
	t.Fatal("seventeen IDs with different first characters")
}

// prefixes checks that a beginning of one container's name is enough, that of two names' is not, and that a whole name is.
func (s *suite) prefixes(t *testing.T, e engine.Engine) {
	one := s.pause(t, testutil.RunOptions{})
	two := s.pause(t, testutil.RunOptions{Name: one.Name + "-2"})
	for ref, want := range map[string]string{one.Name: one.Name, one.Name + "-": two.Name, one.ID: one.Name, two.ID[:12]: two.Name, "docker://" + two.Name: two.Name} {
		if out := sh(t, e, engine.DebugRequest{Target: ref}, "echo $DLX_TARGET"); out != want+"\n" {
			t.Errorf("%s is %q, want %s", ref, out, want)
		}
	}
	_, err := debug(t, e, engine.DebugRequest{Target: one.Name[:len(one.Name)-1]}, "")
	if ambiguous := (*target.AmbiguousError)(nil); !errors.As(err, &ambiguous) || len(ambiguous.Hits) != 2 ||
		!strings.Contains(err.Error(), "("+one.Name+")") || !strings.Contains(err.Error(), "("+two.Name+")") {
		t.Errorf("error %v, want both containers", err)
	}
}

func (s *suite) commands(t *testing.T, e engine.Engine, c *testutil.Container) {
	tests := map[string]struct {
		req  engine.DebugRequest
		want shell.CommandError
	}{
		"missing":           {engine.DebugRequest{Command: []string{"no-such-command"}}, shell.CommandError{Command: "no-such-command", Missing: true}},
		"missing path":      {engine.DebugRequest{Command: []string{"/no/such"}}, shell.CommandError{Command: "/no/such", Missing: true}},
		"a directory":       {engine.DebugRequest{Command: []string{"/proc"}}, shell.CommandError{Command: "/proc"}},
		"not executable":    {engine.DebugRequest{Command: []string{"/etc/hosts"}}, shell.CommandError{Command: "/etc/hosts"}},
		"missing directory": {engine.DebugRequest{Dir: "/nowhere", Command: []string{"true"}}, shell.CommandError{Command: "true", Dir: "/nowhere"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.req.Target = c.ID
			_, err := debug(t, e, tt.req, "")
			var got *shell.CommandError
			if !errors.As(err, &got) || got.Command != tt.want.Command || got.Dir != tt.want.Dir || got.Missing != tt.want.Missing {
				t.Errorf("error %#v, want %#v", err, tt.want)
			}
		})
	}
}
