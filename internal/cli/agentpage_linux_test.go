package cli_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"dlx/internal/testutil"
)

// host is this machine with files of its own where the page's commands change some, in a mount
// namespace that goes with the test: /etc, where alice has an account, dlx's folders, and dlx.
type host struct {
	t       *testing.T
	mounts  string // the namespace
	environ []string
}

const hostScript = `set -e
cp -a /etc "$1/etc"
mkdir "$1/run" "$1/state"
mount --bind "$1/etc" /etc
mount --bind "$1/run" /run/dlx
mount --bind "$1/state" /var/lib/dlx
mount -t tmpfs -o mode=755 tmpfs /usr/local/bin
install -m 755 "$2" /usr/local/bin/dlx
useradd --no-create-home --home-dir / alice
echo ready
exec sleep infinity`

func newHost(t *testing.T) *host {
	t.Helper()
	for _, dir := range []string{"/run/dlx", "/var/lib/dlx"} { // to mount something there
		if err := os.Mkdir(dir, 0o700); err == nil {
			t.Cleanup(func() { _ = os.Remove(dir) }) // unless somebody else uses it by now
		} else if !os.IsExist(err) {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	holder := exec.Command(testutil.RequireTool(t, "unshare"), "-m", "sh", "-c", hostScript, "sh", dir, testutil.BuildDlx(t))
	var said testutil.Output
	holder.Stdout, holder.Stderr = &said, &said
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = holder.Process.Kill()
		_ = holder.Wait() // which was killed
	})
	testutil.Wait(t, "a host of the test's own", limit, func() bool { return strings.Contains(said.String(), "ready\n") })
	h := &host{t: t, mounts: fmt.Sprintf("/proc/%d/ns/mnt", holder.Process.Pid)}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "DLX_") && !strings.HasPrefix(v, "PATH=") {
			h.environ = append(h.environ, v)
		}
	}
	h.environ = append(h.environ, "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm")
	return h
}

// command is one of the page's, by the very process that it starts.
func (h *host) command(user, line string) *exec.Cmd {
	args := []string{"--mount=" + h.mounts}
	if user != "root" {
		args = append(args, "setpriv", "--reuid", user, "--regid", user, "--init-groups", "env", "-u", "DOCKER_HOST", "HOME=/")
	}
	cmd := exec.Command(testutil.RequireTool(h.t, "nsenter"), append(args, "bash", "-c", "exec "+line)...)
	cmd.Env = h.environ
	return cmd
}

// run runs a command that ends by itself, and wants success.
func (h *host) run(user, line string) string {
	h.t.Helper()
	res := testutil.Collect(h.t, h.command(user, line))
	if res.Code != 0 {
		h.t.Fatalf("as %s: %s: exit status %d\n%s%s", user, line, res.Code, res.Stdout, res.Stderr)
	}
	return res.Stdout
}

// start starts one that goes on until it is interrupted, at the test's end if not before.
func (h *host) start(user, line string) (out *testutil.Output, stop func()) {
	h.t.Helper()
	cmd := h.command(user, line)
	out = &testutil.Output{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		_ = cmd.Process.Signal(syscall.SIGTERM) // if it has not ended
		if err := cmd.Wait(); err != nil {
			h.t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	h.t.Cleanup(stop)
	return out, stop
}

// pageCommands are the commands of a page's blocks, from a heading to the next one.
func pageCommands(t *testing.T, page, heading string) (blocks [][]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testutil.ModuleRoot(t), page))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no %q", page, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	here := regexp.MustCompile(`<<'(\w+)'`)
	for i, block := range strings.Split(section, "\n```\n") {
		if i%2 == 0 {
			continue
		}
		var commands []string
		end := ""
		for line := range strings.SplitSeq(strings.TrimSpace(block), "\n") {
			if end != "" {
				commands[len(commands)-1] += "\n" + line
				if line == end {
					end = ""
				}
				continue
			}
			commands = append(commands, line)
			if m := here.FindStringSubmatch(line); m != nil {
				end = m[1]
			}
		}
		blocks = append(blocks, commands)
	}
	return blocks
}

// TestPage runs docs/agent.md's commands from nothing to a colleague's first session. Only the
// container and the session have other names there.
func TestPage(t *testing.T) {
	testutil.RequireRoot(t)
	testutil.RequireDocker(t)
	web := testutil.Image(t, "web", testutil.Prog(t, "web"))
	shop := testutil.Run(t, testutil.RunOptions{Image: web, Labels: map[string]string{"app": "shop"}})
	bank := testutil.Run(t, testutil.RunOptions{Image: web, Labels: map[string]string{"app": "bank"}})
	h := newHost(t)
	blocks := pageCommands(t, "docs/agent.md", "From nothing to a colleague's first session")
	if n := len(blocks); n != 3 {
		t.Fatalf("the page has %d blocks", n)
	}
	count := 0
	session := ""
	for i, user := range []string{"root", "alice", "root"} {
		for _, line := range blocks[i] {
			count++
			line = strings.ReplaceAll(line, " cart", " "+shop.Name)
			verb := strings.Join(strings.Fields(line)[:2], " ")
			switch {
			case strings.Contains(line, " &"):
				line, _, _ = strings.Cut(line, " &")
				out, _ := h.start(user, line)
				testutil.Wait(t, "the agent", limit, func() bool { return strings.Contains(out.String(), "the agent listens") })
			case verb == "dlx ps":
				if list := h.run(user, line); !strings.Contains(list, shop.Name) || strings.Contains(list, bank.Name) {
					t.Errorf("%s: %s", line, list)
				}
			case verb == "dlx debug":
				person(t, h.command(user, line))
			case verb == "dlx capture":
				h.capture(user, line, shop)
			case verb == "dlx audit":
				out := h.run(user, line)
				if m := regexp.MustCompile(`begin +(\w+) +alice +debug +docker://` + shop.Name).FindStringSubmatch(out); m != nil && session == "" {
					session = m[1]
				}
				if session == "" {
					t.Fatalf("%s: no session of alice's in\n%s", line, out)
				}
			case verb == "dlx play":
				if out := h.run(user, strings.Replace(line, " ID", " "+session, 1)); !strings.Contains(out, "42") {
					t.Errorf("%s: %q", line, out)
				}
			default:
				h.run(user, line)
			}
		}
	}
	if count != 10 {
		t.Errorf("the page has %d commands", count)
	}
	bad := testutil.Collect(t, h.command("alice", "dlx debug --reason x "+bank.Name+" -- true"))
	if bad.Code != 125 || !strings.Contains(bad.Stderr, "is refused") {
		t.Errorf("what the page's policy does not allow: %+v", bad)
	}
}

// person is one in a shell.
func person(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	term := testutil.StartTerminal(t, cmd)
	term.Expect(`:/[#$] `, limit)
	term.Send("echo $((6*7))\r")
	term.Expect(`42\r\n`, limit)
	term.Send("exit\r")
	if code := term.Wait(limit); code != 0 {
		t.Errorf("exit status %d: %s", code, term.Output())
	}
}

// capture captures until it has shown a packet, of somebody who finds nobody at the port.
func (h *host) capture(user, line string, c *testutil.Container) {
	h.t.Helper()
	out, stop := h.start(user, line)
	testutil.Wait(h.t, "the capture", limit, func() bool { return strings.Contains(out.String(), "capturing in") })
	for _, network := range c.Inspect().NetworkSettings.Networks {
		if conn, err := net.DialTimeout("tcp", network.IPAddress.String()+":8080", limit); err == nil {
			_ = conn.Close()
		}
	}
	testutil.Wait(h.t, "a packet", limit, func() bool { return strings.Contains(out.String(), "Flags [S]") })
	stop()
}
