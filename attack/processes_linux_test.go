package attack_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dlx/internal/testutil"
)

// unconfined is a container that is held back by its capabilities alone.
var unconfined = []string{"seccomp=unconfined", "apparmor=unconfined"}

// grabbing is what the grabber does, against whatever it is tried.
const grabbing = "/proc/PID/exe, map_files, fd, cwd and root of dlx, its keeper and the session"

// TestGrab: CVE-2019-5736, CVE-2024-21626 and their kin.
func TestGrab(t *testing.T) {
	for _, c := range []struct {
		on     string
		opts   testutil.RunOptions
		host   bool // also with --fs host; a privileged container shares the host by design
		docker func(testing.TB) *testutil.Docker
	}{
		{"a container with Docker's capabilities", testutil.RunOptions{}, true, testutil.RequireDocker},
		{"a container with CAP_SYS_PTRACE", testutil.RunOptions{CapAdd: []string{"SYS_PTRACE"}}, true, testutil.RequireDocker},
		{"a container with --cap-add ALL, less CAP_SYS_RESOURCE, unconfined", testutil.RunOptions{CapAdd: []string{"ALL"}, CapDrop: []string{"SYS_RESOURCE"}, SecurityOpt: unconfined}, false, testutil.RequireDocker},
		{"a container with --pid host", testutil.RunOptions{PidMode: "host"}, true, testutil.RequireDocker},
		{"a container with a user namespace, of a runtime with remapped users", testutil.RunOptions{CapAdd: []string{"SYS_PTRACE"}}, true, testutil.RemappedDocker},
	} {
		t.Run(c.on, func(t *testing.T) {
			a := start(t, grabbing, c.on)
			a.docker = c.docker(t)
			marker, check := a.marker()
			a.dir = filepath.Dir(marker)
			// What runs with the host's files is a copy of the test's own: no program of the host's
			// is ever in reach.
			own := filepath.Join(a.dir, "busybox")
			if err := os.WriteFile(own, testutil.Busybox(t).Data, 0o755); err != nil {
				t.Fatal(err)
			}
			c.opts.Image = a.docker.Image(t, "grabber", testutil.Prog(t, "grabber"))
			c.opts.Cmd = []string{"/grabber", marker}
			if c.opts.PidMode == "host" {
				c.opts.Cmd = append(c.opts.Cmd, strconv.Itoa(os.Getpid())) // no process but this test's is attacked
			}
			box := a.box(c.opts)
			a.begin()
			for i := 0; a.more(); i++ {
				args := []string{"debug", box.ID, "--profile", profiles[i%len(profiles)]}
				if c.host && (i%3 == 2 || c.opts.PidMode == "host") {
					args = append(args, "--fs", "host", "--", own, "sleep", "0.5")
				} else {
					args = append(args, "--", "sleep", "0.1")
				}
				a.run(args...)
				a.count(box.Logs())
				check()
			}
			if r := a.run("debug", box.ID, "--", "sh", "-c", "echo whole"); r.Code != 0 || r.Stdout != "whole\n" {
				t.Errorf("a session afterwards: %+v", r)
			}
			a.clean()
		})
	}
}

// TestPeek: P4. A container that may trace the session reads what dlx had in its memory and its
// environment.
func TestPeek(t *testing.T) {
	a := start(t, "P4: the environment and memory of processes that begin", "a container with CAP_SYS_PTRACE")
	const secret = "a-secret-of-the-host-s-root"
	box := a.box(testutil.RunOptions{
		Image: testutil.Image(t, "peeker", testutil.Prog(t, "peeker")), Cmd: []string{"/peeker", secret}, CapAdd: []string{"SYS_PTRACE"},
	})
	a.begin()
	for a.more() {
		a.runWith([]string{"DLX_TEST_SECRET=" + secret}, "debug", box.ID, "--", "true")
		logs := box.Logs()
		a.count(logs)
		for line := range strings.Lines(logs) {
			if strings.Contains(line, `"path":"environ"`) || strings.Contains(line, `"path":"memory"`) {
				t.Fatalf("the container saw dlx's own: %s", line)
			}
		}
	}
}

// stoppedLimit is how long a session takes at most whose time is over: it gets three seconds to end
// by itself.
const stoppedLimit = 15 * time.Second

// TestKill: the container ends, stops and lets go on what it sees, as fast as it can. A session
// ends, at the latest when its time is over, and leaves nothing.
func TestKill(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ on, signals string }{
		{"a session: SIGKILL", "9"},
		{"a session: SIGSTOP", "19"},
		{"a session: SIGSTOP, SIGCONT, SIGHUP, SIGTERM, SIGWINCH, SIGTSTP", "19,18,1,15,28,20"},
	} {
		t.Run(c.on, func(t *testing.T) {
			t.Parallel()
			kill(t, c.on, c.signals, "")
		})
	}
}

// TestKillHost: the same from a container with --pid host. Everything of this test's is killed, so
// nothing else runs meanwhile.
func TestKillHost(t *testing.T) {
	kill(t, "dlx, its keeper and the session, from a container with --pid host: SIGKILL", "9", "host")
}

func kill(t *testing.T, on, signals, pid string) {
	t.Helper()
	a := start(t, "signals to every process that the container sees", on)
	cmd := []string{"/killer", signals}
	if pid == "host" {
		cmd = append(cmd, strconv.Itoa(os.Getpid()))
	}
	box := a.box(testutil.RunOptions{Image: testutil.Image(t, "killer", testutil.Prog(t, "killer")), Cmd: cmd, PidMode: pid})
	a.begin()
	for a.moreStarts(longSessions) {
		began := time.Now()
		a.run("debug", box.ID, "--timeout", "500ms", "--", "sleep", "30")
		if took := time.Since(began); took > stoppedLimit {
			t.Errorf("a session of half a second took %v", took)
		}
		a.count(box.Logs())
	}
	box.Kill("SIGKILL")
	// What a killed dlx left goes with the next one's start at the latest.
	other := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause")), NetworkMode: testutil.SharedNetwork(t)})
	if r := a.run("debug", other.ID, "--", "true"); r.Code != 0 {
		t.Errorf("a session of another container: %+v", r)
	}
	a.clean()
}

// TestHold: the container traces threads of the session, has it killed, and never takes the news of
// their end, which keeps their processes from ending for anybody else. dlx ends all the same, and
// what is left goes when the container does.
func TestHold(t *testing.T) {
	t.Parallel()
	a := start(t, "threads traced, killed and never waited for", "a session of a container with CAP_SYS_PTRACE")
	box := a.box(testutil.RunOptions{
		Image: testutil.Image(t, "holder", testutil.Prog(t, "holder")), Cmd: []string{"/holder"}, CapAdd: []string{"SYS_PTRACE"},
	})
	a.begin()
	for i := 0; a.moreStarts(longSessions); i++ {
		limit, args := endLimit, []string{"debug", box.ID, "--timeout", "500ms", "--", "sh", "-c", "sleep 30"}
		if i%2 == 1 { // it never learns that the command ended, and goes on until it is interrupted
			limit, args = 2*time.Second, []string{"debug", box.ID, "--", "sleep", "30"}
		}
		began := time.Now()
		a.sessions++
		r, _ := a.interrupt(limit, nil, args...)
		if took := time.Since(began); took > stoppedLimit {
			t.Errorf("%q took %v: %+v", args, took, r)
		}
		a.count(box.Logs())
	}
	if a.tries == 0 {
		t.Error("the container saw no thread: nothing was tried")
	}
	box.Kill("SIGKILL")
	a.clean()
}
