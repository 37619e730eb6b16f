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
	"dlx/fault"
	"dlx/internal/testutil"
)

// errors checks that each bad request is refused by an error of its own kind.
func (s *suite) errors(t *testing.T) {
	e := s.engine(t)
	c := s.pause(t, testutil.RunOptions{})
	untouched(t, c)
	stopped := s.pause(t, testutil.RunOptions{NoStart: true})
	tests := []struct {
		name string
		req  engine.DebugRequest
		want fault.Kind
	}{
		{"not found", engine.DebugRequest{Target: "no-such-container"}, fault.NotFound},
		{"not found by scheme", engine.DebugRequest{Target: "docker://no-such-container"}, fault.NotFound},
		{"no such process", engine.DebugRequest{Target: "pid://4194303"}, fault.NoProcess},
		{"not running", engine.DebugRequest{Target: stopped.ID}, fault.NotRunning},
		{"empty target", engine.DebugRequest{Target: ""}, fault.BadTarget},
		{"path as target", engine.DebugRequest{Target: "../../etc"}, fault.BadTarget},
		{"unknown scheme", engine.DebugRequest{Target: "lxc://x"}, fault.BadTarget},
		{"bad pid", engine.DebugRequest{Target: "pid://-1"}, fault.BadTarget},
		{"kernel thread", engine.DebugRequest{Target: "pid://2"}, fault.KernelThread},
		{"profile", engine.DebugRequest{Target: c.ID, Profile: "wheel"}, fault.BadProfile},
		{"file system", engine.DebugRequest{Target: c.ID, FS: "zfs"}, fault.BadFileSystem},
		{"user", engine.DebugRequest{Target: c.ID, User: "nobody-knows"}, fault.BadUser},
		{"variable", engine.DebugRequest{Target: c.ID, Env: []string{"=x"}}, fault.BadVariable},
		{"100 MB of environment", engine.DebugRequest{Target: c.ID, Env: []string{"BIG=" + strings.Repeat("x", 100<<20)}}, fault.EnvironmentTooBig},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := debug(t, e, tt.req, "")
			if e := fault.Of(err); e == nil || e.Kind != tt.want || e.Op != "debug" || e.Msg == "" {
				t.Errorf("error %#v, want one of kind %s", err, tt.want)
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
		if !errors.Is(err, fault.EnvironmentTooBig) {
			t.Errorf("error %v, want fault.EnvironmentTooBig", err)
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
		if !errors.Is(err, fault.EnvironmentTooBig) {
			t.Errorf("error %v, want fault.EnvironmentTooBig", err)
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
		if _, err := debug(t, e, engine.DebugRequest{Target: c.ID, Profile: "restricted", User: "0"}, ""); !errors.Is(err, fault.RootRestricted) {
			t.Errorf("error %v, want fault.RootRestricted", err)
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
		if !errors.Is(err, fault.Ambiguous) || len(fault.Of(err).Detail) < 2 {
			t.Errorf("prefix %q: error %v, want fault.Ambiguous", id[:1], err)
		}
		return
	}
	t.Fatal("seventeen IDs with different first characters")
}

// prefixes checks names: a prefix of one container's is enough,
// of two containers' it is not, and a whole name is.
func (s *suite) prefixes(t *testing.T, e engine.Engine) {
	one := s.pause(t, testutil.RunOptions{})
	two := s.pause(t, testutil.RunOptions{Name: one.Name + "-2"})
	for ref, want := range map[string]string{one.Name: one.Name, one.Name + "-": two.Name, one.ID: one.Name, two.ID[:12]: two.Name, "docker://" + two.Name: two.Name} {
		if out := sh(t, e, engine.DebugRequest{Target: ref}, "echo $DLX_TARGET"); out != want+"\n" {
			t.Errorf("%s is %q, want %s", ref, out, want)
		}
	}
	_, err := debug(t, e, engine.DebugRequest{Target: one.Name[:len(one.Name)-1]}, "")
	if !errors.Is(err, fault.Ambiguous) || len(fault.Of(err).Detail) != 2 ||
		!strings.Contains(err.Error(), "("+one.Name+")") || !strings.Contains(err.Error(), "("+two.Name+")") {
		t.Errorf("error %v, want both containers", err)
	}
}

func (s *suite) commands(t *testing.T, e engine.Engine, c *testutil.Container) {
	tests := map[string]struct {
		req  engine.DebugRequest
		want fault.Kind
		what string
	}{
		"missing":           {engine.DebugRequest{Command: []string{"no-such-command"}}, fault.CommandNotFound, "no-such-command"},
		"missing path":      {engine.DebugRequest{Command: []string{"/no/such"}}, fault.CommandNotFound, "/no/such"},
		"a directory":       {engine.DebugRequest{Command: []string{"/proc"}}, fault.CommandNotRun, "/proc"},
		"not executable":    {engine.DebugRequest{Command: []string{"/etc/hosts"}}, fault.CommandNotRun, "/etc/hosts"},
		"missing directory": {engine.DebugRequest{Dir: "/nowhere", Command: []string{"true"}}, fault.NoWorkdir, "/nowhere"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.req.Target = c.ID
			_, err := debug(t, e, tt.req, "")
			if e := fault.Of(err); e == nil || e.Kind != tt.want || e.Target != tt.what {
				t.Errorf("error %#v, want %s of %s", err, tt.want, tt.what)
			}
		})
	}
}
