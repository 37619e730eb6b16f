//go:build failpoints

package failpoint_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"dlx/internal/cgroup"
	"dlx/internal/failpoint"
	"dlx/internal/testutil"
)

const agentPolicy = `version: 1
rules:
  - allow: root debugs
    who: {users: [root]}
    verbs: [debug]
    targets: [{name: "*"}]
    profiles: [general]
    fs: [toolbox]
    users: ["*"]
`

// TestAgent kills an agent at every step: of its start, of two sessions, the second of which finds
// what was made ready for it, and of its stop. Its client is told, nothing is left, and the next
// agent goes on with a record that can be verified.
func TestAgent(t *testing.T) {
	w := newWalk(t)
	a := &agentWalk{walk: w, socket: filepath.Join(w.dir, "run", "agent.sock"), policy: filepath.Join(w.dir, "policy.yaml")}
	if err := os.WriteFile(a.policy, []byte(agentPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, killed := a.work(""); code != 0 || killed {
		t.Fatalf("without a point: status %d, killed: %v", code, killed)
	}
	a.verify("no point")
	points := selected(a.log())
	walked := 0
	var seen []string
	for i, point := range points {
		name, _, _ := strings.Cut(point, ":")
		if strings.Contains(name, "/") || slices.Contains(seen, name) || !*long && i%4 != 0 && !agentPoint(name) {
			continue // what others are killed at, and most of what a session passes, is TestDebug's
		}
		walked++
		seen, point = append(seen, name), name+":1"
		if code, killed := a.work(point); !killed {
			t.Errorf("%s: the agent was not killed; its client's status is %d", point, code)
		}
		a.check(point)
		a.keepersGone(point)
		a.verify(point)
	}
	if t.Logf("%d points of %d", walked, len(points)); walked < 15 {
		t.Errorf("points %q", points)
	}
}

// agentPoint says whether a point is passed by agents alone.
func agentPoint(name string) bool {
	return strings.HasPrefix(name, "audit.") || strings.HasPrefix(name, "cast.")
}

type agentWalk struct {
	*walk
	socket, policy string
	pid            int // of the last agent
}

// work has an agent, which is to be killed at a point, do two sessions and stop. It returns the
// status of the first client that failed.
func (a *agentWalk) work(point string) (code int, wasKilled bool) {
	a.t.Helper()
	log := filepath.Join(a.dir, "log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		a.t.Fatal(err)
	}
	agent := exec.Command(a.dlx, "agent", "--socket", a.socket, "--policy", a.policy, "--record", "all")
	agent.Env = append(os.Environ(), "DLX_STATE_DIR="+filepath.Join(a.dir, "state"), failpoint.PointVariable+"="+point, failpoint.LogVariable+"="+log)
	var said testutil.Output
	agent.Stderr = &said
	if err := agent.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.pid = agent.Process.Pid
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = agent.Wait()
	}()
	gone := func() bool {
		select {
		case <-ended:
			return true
		default:
			return false
		}
	}
	testutil.Wait(a.t, "the agent to listen, killed at "+point, leftLimit, func() bool {
		return gone() || strings.Contains(said.String(), "the agent listens")
	})
	for i := 0; i < 2 && !gone(); i++ {
		args := append([]string{"--agent", "unix://" + a.socket, "debug", a.box.Name, "--"}, sessionCommand...)
		client := exec.Command(a.dlx, args...)
		client.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, failpoint.PointVariable) })
		res := testutil.Collect(a.t, client)
		if code == 0 {
			code = res.Code
		}
		if point == "" && res.Code != 0 {
			a.t.Errorf("status %d: %s; the agent: %s", res.Code, res.Stderr, said.String())
		}
		if point == "" && i == 0 { // what is made ready beside it
			testutil.Wait(a.t, "the next session's keeper", leftLimit, func() bool { return strings.Count(strings.Join(a.log(), "\n"), "keeper.forked") == 2 })
		}
	}
	if !gone() {
		_ = agent.Process.Signal(syscall.SIGTERM)
	}
	select {
	case <-ended:
	case <-a.t.Context().Done():
	}
	state, ok := agent.ProcessState.Sys().(syscall.WaitStatus)
	return code, ok && state.Signaled() && state.Signal() == syscall.SIGKILL
}

// verify has the next agent begin and stop, and wants its record to be whole.
func (a *agentWalk) verify(point string) {
	a.t.Helper()
	if code, killed := a.work(""); code != 0 || killed {
		a.t.Errorf("killed at %s: the next agent's clients: status %d", point, code)
	}
	cmd := exec.Command(a.dlx, "audit", "verify")
	cmd.Env = append(os.Environ(), "DLX_STATE_DIR="+filepath.Join(a.dir, "state"))
	if out, err := cmd.CombinedOutput(); err != nil {
		a.t.Errorf("killed at %s: dlx audit verify: %v\n%s", point, err, out)
	}
}

// keepersGone wants that no keeper of the agent's is left, that of a session to come among them.
func (a *agentWalk) keepersGone(point string) {
	a.t.Helper()
	testutil.Wait(a.t, "the keepers' end, killed at "+point, leftLimit, func() bool {
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			a.t.Fatal(err)
		}
		return !slices.ContainsFunc(files, func(file string) bool {
			args, _ := os.ReadFile(file) // it may have ended
			return strings.HasPrefix(string(args), fmt.Sprintf("%s\x00%s%d-", cgroup.KeeperName, cgroup.Prefix, a.pid))
		})
	})
}
