package deploy_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

const limit = 30 * time.Second

// policy allows it also where the agent can not know which namespaces are the host's.
const policy = `version: 1
rules:
  - allow: root does all to what is on the host
    who: {users: [root]}
    verbs: [list, debug, capture, inject, eject, interfaces, hold]
    targets:
      - {name: "*", host: [mnt, net, pid, ipc, uts]}
      - {subject: stopped, host: [mnt, net, pid, ipc, uts]}
      - {subject: image, host: [mnt, net, pid, ipc, uts]}
    profiles: [general, netadmin]
    fs: [toolbox, target, host]
    users: ["*"]
  - allow: and asks about the agent
    who: {users: [root]}
    verbs: [toolboxes, health, sessions]
`

// agent is a container that runs one.
type agent struct {
	t   *testing.T
	id  string
	dir string
	dlx string
}

// docker runs Docker's own program, as the page does.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	return said(t, exec.Command(testutil.RequireTool(t, "docker"), args...))
}

func said(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	res := testutil.Collect(t, cmd)
	if res.Code != 0 {
		t.Fatalf("%v: exit status %d\n%s%s", cmd.Args, res.Code, res.Stdout, res.Stderr)
	}
	return strings.TrimSpace(res.Stdout)
}

// image builds the page's image, and removes it at the test's end.
func image(t *testing.T, p *page) string {
	t.Helper()
	dlx := testutil.BuildDlx(t)
	folder := t.TempDir()
	data, err := os.ReadFile(dlx)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "dlx"), data, 0o755); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("dlx-test/agent:%d-%d", os.Getpid(), time.Now().UnixNano())
	said(t, shell(t, p.build, "dlx-agent", name, " bin", " "+folder))
	t.Cleanup(func() { docker(t, "rmi", name) })
	return name
}

// shell runs a command of the page's from the repository's root, with some words replaced.
func shell(t *testing.T, command string, replaced ...string) *exec.Cmd {
	t.Helper()
	for old := range slices.Chunk(replaced, 2) {
		if !strings.Contains(command, old[0]) {
			t.Fatalf("the page's command has no %q:\n%s", old[0], command)
		}
	}
	cmd := exec.Command("bash", "-c", strings.NewReplacer(replaced...).Replace(command))
	cmd.Dir = testutil.ModuleRoot(t)
	return cmd
}

// start runs the page's container on folders of the test's, without one of its options, and waits
// until it listens, or has ended.
func start(t *testing.T, p *page, image, without string) *agent {
	t.Helper()
	a := &agent{t: t, dir: t.TempDir(), dlx: testutil.BuildDlx(t)}
	for _, dir := range []string{"run", "state", "etc"} {
		if err := os.Mkdir(filepath.Join(a.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(a.dir, "etc/policy.yaml"), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	root := docker(t, "info", "--format", "{{.DockerRootDir}}")
	words := []string{
		"--name dlx-agent --restart unless-stopped ", "", "-v /run/docker.sock:", "-v " + strings.TrimPrefix(testutil.RequireDocker(t).Host, "unix://") + ":",
		"/var/lib/docker:/var/lib/docker", root + ":" + root, "-v /run/dlx:", "-v " + a.dir + "/run:", "-v /var/lib/dlx:", "-v " + a.dir + "/state:",
		"-v /etc/dlx:", "-v " + a.dir + "/etc:", " dlx-agent agent", " " + image + " agent", "--group oncall", "--group nogroup",
	}
	if without != "" {
		words = append(words, without+" ", "")
	}
	a.id = said(t, shell(t, p.run, words...))
	t.Cleanup(func() { docker(t, "rm", "-f", a.id) })
	testutil.Wait(t, "the agent", limit, func() bool {
		return strings.Contains(a.log(), "the agent listens") || a.inspect("{{.State.Status}}") == "exited"
	})
	return a
}

func (a *agent) log() string {
	a.t.Helper()
	out, err := exec.Command("docker", "logs", a.id).CombinedOutput()
	if err != nil {
		a.t.Fatalf("docker logs: %v\n%s", err, out)
	}
	return string(out)
}

// command is dlx as a client of the agent.
func (a *agent) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, a.dlx, append([]string{"--agent", "unix://" + a.dir + "/run/agent.sock"}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

// do is what dlx says, and whether it has succeeded.
func (a *agent) do(args ...string) (string, error) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), limit)
	defer cancel()
	var out bytes.Buffer
	cmd := a.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// groups are the control groups of the agent's sessions, whose names begin with its process's.
func (a *agent) groups(pid string) (list []string) {
	for _, at := range []string{"/sys/fs/cgroup/dlx-", "/sys/fs/cgroup/*/dlx-"} {
		found, err := filepath.Glob(at + pid + "-*")
		if err != nil {
			a.t.Fatal(err)
		}
		list = append(list, found...)
	}
	return list
}

func (a *agent) inspect(what string) string {
	a.t.Helper()
	return docker(a.t, "inspect", "--format", what, a.id)
}
