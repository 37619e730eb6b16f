package attack_test

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/internal/testutil"
)

// foreignLines are command lines whose programs would load or run something of the container's if
// they could. Each ends by itself, or is ended.
var foreignLines = []string{
	"true", "echo ~root ~app", "id", "id app", "ls -la /", "whoami", "getent passwd root", "getent hosts localhost",
	"ping -c 1 -W 1 localhost",
	"busybox ping -c 1 -W 1 localhost", "busybox wget -O - http://localhost:1/",
	"busybox nslookup localhost 127.0.0.1", "busybox telnet localhost 1", "busybox traceroute -m 1 -w 1 localhost",
	"busybox id app",
	"busybox su app -c true", "nc -w 1 localhost 1", "curl -m 1 http://localhost:1/",
	"curl -m 1 https://localhost:1/", "wget -T 1 -O - http://localhost:1/", "host localhost 127.0.0.1",
	"dig @127.0.0.1 +time=1 +tries=1 x",
	"bash -c true", "bash -l -c true", "bash -i -c true", "sh -c true", "sh -l -c true", "sh -i -c true",
	"busybox ash -l -c true", "busybox ash -i -c true", "echo true | bash -i", "echo true | sh -i",
	"bash --login -i -c 'PS4=x; set -x; true'",
	"echo | less /etc/passwd", "echo :q | vi /etc/passwd", "top -b -n 1", "ps aux", "strace -V",
	"strace -o /dev/null true", "jq -n 1", "env LC_ALL=ru_RU.KOI8-R ls",
	"env LC_ALL=de_DE.ISO-8859-1 sort /etc/passwd",
	"tcpdump --version", "openssl version", "awk 'BEGIN { print 1 }'", "find / -maxdepth 1",
	"tar -cf /dev/null /etc/passwd", "date", "crontab -l", "man true", "mail", "ed /dev/null", "reset", "clear",
}

// foreign is a container as hostile as it gets, and what is run in it.
type foreign struct {
	*attack
	hostile *testutil.Hostile
	target  *testutil.Container
	env     []string // of dlx
}

func (a *attack) foreign() *foreign {
	a.Helper()
	h := testutil.NewHostile(a.T)
	files := append([]testutil.Program{testutil.Prog(a.T, "pause"), testutil.Dir("/tmp", 0o1777),
		testutil.Data("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/evil.sh\n", 0o644),
		testutil.Data("/etc/group", "root:x:0:\napp:x:1000:\n", 0o644), testutil.Data("/etc/hosts", "127.0.0.1 localhost\n", 0o644),
	}, h.Files...)
	image := a.docker.Image(a.T, "hostile", files...)
	c := a.docker.Run(a.T, testutil.RunOptions{Image: image, Env: h.Env, Binds: []string{h.Bind()}, WorkingDir: "/root", NetworkMode: "none", Hostname: "$(echo.x)"})
	f := &foreign{attack: a, hostile: h, target: c}
	f.plantDev()
	return f
}

// plantDev has the container make entries of its /dev by the names that a session's have, or that
// tools look below.
func (f *foreign) plantDev() {
	f.Helper()
	dev := f.path("/dev")
	for _, p := range f.hostile.Files {
		for _, folder := range []string{"/usr/lib", "/usr/share", "/usr/local", "/etc"} {
			if rest, ok := strings.CutPrefix(p.Path, folder); ok {
				for _, to := range []string{"/.dl", "/.dl/s", "/.dl/l", "/.dlx", "/.dlx/none"} {
					name := filepath.Join(dev, to+rest)
					if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, p.Data, 0o755)); err != nil {
						f.Fatal(err)
					}
				}
			}
		}
	}
	if err := errors.Join(os.Symlink("/root", dev+"/.home"), os.WriteFile(dev+"/sh", []byte("#!/dev/.dlx/bin/busybox sh\necho x >/canary/dev-sh\n"), 0o755)); err != nil {
		f.Fatal(err)
	}
}

// path is where this machine sees a file of the container's.
func (f *foreign) path(name string) string {
	return filepath.Join("/proc", strconv.Itoa(f.target.PID), "root", name)
}

// fifos puts FIFOs that nobody writes to where the container's data files are.
func (f *foreign) fifos() {
	f.Helper()
	for _, p := range f.hostile.Files {
		if bytes.HasPrefix(p.Data, []byte(elf.ELFMAG)) {
			continue
		}
		if err := errors.Join(os.Remove(f.path(p.Path)), syscall.Mkfifo(f.path(p.Path), 0o666)); err != nil {
			f.Fatal(err)
		}
	}
}

// lines runs command lines in one session, and says which of them ran something of the container's.
func (f *foreign) lines(list []string, args ...string) {
	f.Helper()
	var script strings.Builder
	for _, line := range list {
		script.WriteString(bounded(line))
	}
	f.session(script.String(), args...)
	found := f.hostile.Found()
	if found == nil {
		return
	}
	for _, line := range list { // which one was it?
		f.session(bounded(line), args...)
		f.hostile.Check(line)
	}
	f.Errorf("%q: what the container chose was run: %q", args, found)
}

// bounded is a command line that ends, and whose words nobody reads.
func bounded(line string) string {
	word := testutil.Quote(line)
	return fmt.Sprintf("timeout -s KILL 10 bash -c %s </dev/null >/dev/null 2>&1 || [ $? != 137 ] || echo hangs: %s\n", word, word)
}

func (f *foreign) session(script string, args ...string) {
	f.Helper()
	f.sessions++
	cmd := f.command(f.env, append(append([]string{"debug", "-i", "--timeout", "5m", f.target.ID}, args...), "--", "bash", "-c", script)...)
	r := testutil.Collect(f.T, cmd)
	if r.Code > 0 && strings.Contains(r.Stderr, "dlx: ") {
		f.Errorf("%q: %s", args, r.Stderr)
	}
	if strings.Contains(r.Stdout, "hangs: ") {
		f.Errorf("%q: %s", args, r.Stdout)
	}
	f.tries += strings.Count(script, "\n")
}

// sessions are the kinds of sessions to try: in the short form the first two.
func sessions(all [][]string) [][]string {
	if long {
		return all
	}
	return all[:2]
}

// every are all programs of the toolbox, asked for help and given nothing to do.
const every = `for tool in /dev/.dlx/bin/*; do
	case ${tool##*/} in busybox|dlx-tools|yes|watch|top|vi|less|more|reset|bash|sh|ash|hush|nc|cat|strace|ping*|traceroute*|tcpdump) continue;; esac
	timeout -s KILL 5 $tool --help </dev/null >/dev/null 2>&1
	timeout -s KILL 1 $tool </dev/null >/dev/null 2>&1
done
`

// TestForeign: no program of dlx's own toolbox runs, loads or writes what the container chose: name
// service modules, converters, start-up files, variables. The sessions have a terminal or none, and
// are of root and of another user. Defences: tools that load nothing, a list of harmless variables,
// a home of the session's own.
func TestForeign(t *testing.T) {
	a := start(t, "modules, start-up files and variables of the container's", "sessions with dlx's own toolbox")
	f := a.foreign()
	for _, args := range sessions([][]string{{"--profile", "sysadmin"}, {"-u", "app"}, {}, {"--profile", "restricted"}}) {
		f.lines(foreignLines, args...)
	}
	f.session(every)
	f.hostile.Check("every tool of the toolbox")
	for _, shell := range [][]string{nil, {"--", "bash"}, {"--", "bash", "-l"}, {"--", "sh"}, {"--", "sh", "-l"}, {"--", "busybox", "ash", "-l"}} {
		f.terminal(shell)
	}
}

// TestForeignFIFOs: nor does a tool wait for a file that the container has made a FIFO.
func TestForeignFIFOs(t *testing.T) {
	a := start(t, "FIFOs in the places of start-up files, of modules' lists and of settings", "sessions with dlx's own toolbox")
	f := a.foreign()
	f.fifos()
	for _, args := range sessions([][]string{{}, {"-u", "app"}, {"--profile", "sysadmin"}}) {
		f.lines(foreignLines, args...)
	}
	for _, shell := range [][]string{nil, {"--", "bash", "-l"}, {"--", "sh", "-l"}} {
		f.terminal(shell)
	}
}

// terminal opens a shell at a terminal, as users do, and leaves it.
func (f *foreign) terminal(command []string) {
	f.Helper()
	f.sessions++
	term := testutil.StartTerminal(f.T, f.command(nil, append([]string{"debug", f.target.ID}, command...)...))
	term.Send("echo 6$((3*2))\n")
	term.Expect("66", 20*time.Second)
	term.Send("cd ~; false || echo 7$((7*1))\n")
	term.Expect("77", 20*time.Second)
	term.Send("exit\n")
	term.Wait(20 * time.Second)
	f.hostile.Check(fmt.Sprintf("a terminal with %q", command))
}
