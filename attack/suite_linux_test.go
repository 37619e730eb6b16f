package attack_test

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"

	"dlx/internal/testutil"
)

const (
	// longTries is how often a race is tried in the long form.
	longTries = 100_000
	// longStarts is how often dlx is started against containers that come and go.
	longStarts = 1_000
	// longSessions is how many starts of dlx a race is tried against at least.
	longSessions = 100
	// longLimit ends an attack of the long form that has not come so far.
	longLimit = 40 * time.Minute
	// shortLimit is how long an attack of the short form goes on.
	shortLimit = time.Second
	// endLimit is by when dlx has to have ended, whatever the container does.
	endLimit = 60 * time.Second
	// interruptLimit is by when it has to have ended after SIGINT. It takes back what it did
	// meanwhile.
	interruptLimit = 20 * time.Second
)

var long = os.Getenv("DLX_ATTACK") == "long"

// profiles are those of a session that has, or may get, what opens a device.
var profiles = []string{"general", "baseline", "restricted", "netadmin", "sysadmin"}

// attack is one attack in the making.
type attack struct {
	*testing.T
	docker   *testutil.Docker // of its containers
	dlx      string           // a copy of the program, which may be overwritten
	state    string           // its DLX_STATE_DIR
	dir      string           // its working directory
	digest   [sha256.Size]byte
	began    time.Time
	tries    int // what the container tried
	sessions int // how often dlx was started
}

// start begins an attack and has its line added to the table: name is what is done, against what it
// is tried on.
func start(t *testing.T, name, against string) *attack {
	t.Helper()
	testutil.RequireRoot(t)
	dir := t.TempDir()
	a := &attack{T: t, docker: testutil.RequireDocker(t), dlx: filepath.Join(dir, "dlx"), state: filepath.Join(dir, "state"), began: time.Now()}
	program, err := os.ReadFile(testutil.BuildDlx(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.dlx, program, 0o755); err != nil {
		t.Fatal(err)
	}
	a.digest = sha256.Sum256(program)
	t.Cleanup(func() {
		a.whole()
		if !t.Skipped() {
			t.Logf("%d tries, %d starts of dlx", a.tries, a.sessions)
			add(row{name, against, a.tries, a.sessions, time.Since(a.began), t.Failed()})
		}
	})
	return a
}

// whole fails the test if the program is not what it was.
func (a *attack) whole() {
	a.Helper()
	if program, err := os.ReadFile(a.dlx); err != nil || sha256.Sum256(program) != a.digest {
		a.Errorf("dlx was overwritten, %v", err)
	}
}

// more says whether to go on with a race: for a moment in the short form, for so many tries in the
// long one. One success of the container's is enough.
func (a *attack) more() bool {
	took := time.Since(a.began)
	switch {
	case a.Failed():
		return false
	case !long:
		return took < shortLimit || a.sessions == 0
	}
	return took < longLimit && (a.tries < longTries || a.sessions < longSessions)
}

// moreStarts is more for an attack that is counted by dlx's starts.
func (a *attack) moreStarts(starts int) bool {
	if !long {
		return a.more()
	}
	return !a.Failed() && a.sessions < starts && time.Since(a.began) < longLimit
}

// begin is when the container is ready.
func (a *attack) begin() { a.began = time.Now() }

// command is dlx with a clean environment and env added.
func (a *attack) command(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(a.dlx, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/root", "TERM=xterm", "DLX_STATE_DIR=" + a.state, "DOCKER_HOST=" + a.docker.Host}, env...)
	cmd.Dir, cmd.WaitDelay = a.dir, time.Second
	return cmd
}

// run runs dlx to its end, which has to come.
func (a *attack) run(args ...string) testutil.Result {
	a.Helper()
	return a.runWith(nil, args...)
}

func (a *attack) runWith(env []string, args ...string) testutil.Result {
	a.Helper()
	a.sessions++
	r, asked := a.interrupt(endLimit, env, args...)
	if asked {
		a.Errorf("dlx %q did not end within %v: %s%s", args, endLimit, r.Stdout, r.Stderr)
	}
	return r
}

// interrupt runs dlx and asks it to end after a while by SIGINT, as a user at a terminal would. It
// fails the test unless dlx then does.
func (a *attack) interrupt(limit time.Duration, env []string, args ...string) (r testutil.Result, asked bool) {
	a.Helper()
	var out, errs bytes.Buffer
	cmd := a.command(env, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		a.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its status is in cmd.ProcessState
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(limit):
		asked = true
		_ = cmd.Process.Signal(syscall.SIGINT)
		select {
		case <-ended:
		case <-time.After(interruptLimit):
			_ = cmd.Process.Kill()
			select {
			case <-ended:
				a.Errorf("dlx %q is deaf to SIGINT", args)
			case <-time.After(interruptLimit):
				// Whatever holds it is gone with the container, at the test's end.
				a.Errorf("dlx %q does not end, not by SIGKILL either", args)
				return testutil.Result{Code: -1}, true
			}
		}
	}
	return testutil.Result{Code: cmd.ProcessState.ExitCode(), Stdout: out.String(), Stderr: errs.String()}, asked
}

// box runs a container with programs of testutil and waits until the first of them says that it is
// ready. None of them attacks by a network.
func (a *attack) box(opts testutil.RunOptions) *testutil.Container {
	a.Helper()
	change := opts.Change
	opts.Change = func(config *container.Config, host *container.HostConfig) {
		host.NanoCPUs = 1e9 // the other processors are dlx's
		if change != nil {
			change(config, host)
		}
	}
	if opts.NetworkMode == "" {
		opts.NetworkMode = a.docker.SharedNetwork(a)
	}
	c := a.docker.Run(a, opts)
	ready(a, c)
	return c
}

func ready(a *attack, c *testutil.Container) {
	a.Helper()
	testutil.Wait(a, "the attack to begin", endLimit, func() bool { return strings.Contains(c.Logs(), "ready") })
}

var counted = regexp.MustCompile(`(?m)^tries (\d+)\r?$`)

// count takes over how often a container has tried, from what it says, and fails the test for what
// it got.
func (a *attack) count(logs string) {
	a.Helper()
	if all := counted.FindAllStringSubmatch(logs, -1); all != nil {
		if n, err := strconv.Atoi(all[len(all)-1][1]); err == nil {
			a.tries = max(a.tries, n)
		}
	}
	for line := range strings.Lines(logs) {
		if strings.HasPrefix(line, "got ") || strings.HasPrefix(line, "opened") {
			a.Errorf("the container %s", line)
			return
		}
	}
}

// marker is a file of the host's that nobody may find.
func (a *attack) marker() (name string, check func()) {
	a.Helper()
	name = filepath.Join(a.TempDir(), "marker")
	const text = "the host's"
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		a.Fatal(err)
	}
	return name, func() {
		a.Helper()
		if data, err := os.ReadFile(name); err != nil || string(data) != text {
			a.Errorf("the host's file has %.40q, %v", data, err)
		}
	}
}

// clean fails the test for what dlx has left: control groups and keepers named after its processes
// go within a moment.
func (a *attack) clean() {
	a.Helper()
	testutil.Wait(a, "dlx's control groups to go", endLimit, func() bool {
		left, _ := filepath.Glob("/sys/fs/cgroup/*/dlx-*")
		more, _ := filepath.Glob("/sys/fs/cgroup/dlx-*")
		for _, group := range append(left, more...) {
			if !running(group) {
				return false
			}
		}
		return true
	})
}

// running says whether the process that a control group is named after still runs.
func running(group string) bool {
	pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(group), "dlx-"), "-")
	_, err := os.Stat("/proc/" + pid)
	return err == nil
}

func containsAny(text string, list ...string) bool {
	for _, s := range list {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

func TestMain(m *testing.M) {
	flag.Parse()
	// Who runs beside others mostly waits.
	if err := flag.Set("test.parallel", "3"); err != nil {
		panic(err)
	}
	code := testutil.Main(m)
	if err := writeTable(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
