package attack_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dlx/internal/testutil"
)

// debForeignLines are those of programs of Debian's, which are dynamic.
var debForeignLines = []string{
	"iconv -f KOI8-R -t UTF-8 /etc/passwd", "iconv -f EVIL -t UTF-8 /etc/passwd", "iconv -l", "getent passwd root",
	"getent hosts example.test", "getent services evil", "locale -a",
	"curl -m 1 http://localhost:1/", "curl -m 1 https://localhost:1/", "curl file:///etc/passwd", "ssh -G localhost",
	"openssl version -a", "openssl list -providers", "openssl s_client -connect localhost:1", "openssl engine evil",
	"less -V", "echo q | less /etc/passwd", "LESSOPEN= less -f /etc/passwd", "vim --not-a-term -es +q",
	"vim --not-a-term -es -c 'set modeline' /root/.vimrc +q", "ps aux", "pgrep x", "strace -V",
	"strace -o /dev/null true",
	"gdb -nx -batch -ex 'info os'", "gdb -batch -ex 'python print(1)'", "gdb --version", "tmux -V",
	"tmux -L evil new-session -d true", "python3 -c 'import json'", "python3 -c 'import readline'",
	"perl -e 'use strict; print 1'", "perl -e 1",
}

// netAnswers are what the programs of the toolbox `net` print.
var netAnswers = map[string]string{
	"curl --version": "libcurl/", "ps --version": "procps-ng", "ss -V": "iproute2", "ip -o addr": "127.0.0.1",
	"tcpdump --version": "libpcap version",
	"kdig --version":    "Knot DNS", "openssl version": "OpenSSL ", "ethtool --version": "ethtool version",
	"mtr --version": "mtr ", "nft --version": "nftables v",
	"conntrack --version": "conntrack v", "iperf3 --version": "iperf 3", "socat -V": "socat version",
	"redis-cli --version": "redis-cli ", "psql --version": "psql (PostgreSQL)",
	"gdb -nx -batch -ex 'python print(6*7)'": "42\n",
	"socat TCP-LISTEN:7001,bind=127.0.0.1,reuseaddr EXEC:'echo through' & socat - TCP:127.0.0.1:7001,retry=20,interval=0.2": "through\n",
}

// netForeignLines are command lines for its programs: most have nobody to speak to.
var netForeignLines = []string{
	"curl -m 1 http://localhost:1/", "curl -m 1 https://localhost:1/", "curl file:///etc/passwd", "curl -m 1 scp://localhost:1/x",
	"curl -m 1 ldaps://localhost:1/", "ps aux", "top -b -n 1", "vmstat", "pgrep x", "ss -tanp", "ip addr",
	"ip link help", "tc qdisc", "tc qdisc add dev lo root netem help",
	"ip -details link show type evil", "nstat", "tcpdump -D", "tcpdump -c 1 -i lo",
	"kdig +time=1 +retry=0 @127.0.0.1 x", "khost -W 1 x 127.0.0.1", "knsupdate </dev/null", "openssl version -a",
	"openssl list -providers", "openssl s_client -connect localhost:1", "openssl engine evil",
	"openssl req -new -newkey rsa:2048 -nodes -subj /CN=x", "ethtool lo", "mtr -r -c 1 localhost", "nft list ruleset",
	"nft -f /etc/nftables.conf", "conntrack -L", "iperf3 -c localhost -p 1", "socat - TCP:localhost:1",
	"socat - OPENSSL:localhost:1", "redis-cli -p 1 ping", "redis-cli -p 1 --tls ping",
	"psql -h localhost -p 1", "psql -l", "pg_dump -h localhost -p 1 x",
	"psql -h localhost -p 1 'sslmode=require gssencmode=require'", "psql service=evil",
	"gdb -nx -batch -ex 'info os'", "gdb -batch -ex 'python import json, readline'", "gdb --version",
	"gdb -batch /proc/self/exe",
}

// TestForeignDynamic is TestForeign for programs of Debian's, which come with the C library and the
// loader that they were linked with. The defence is toolbox/build's redirect.
func TestForeignDynamic(t *testing.T) {
	t.Parallel()
	a := start(t, "modules, start-up files and variables of the container's", "sessions with Debian's programs")
	names := strings.Fields("libc-bin openssl strace python3-minimal openssh-client")
	if long {
		names = append(names, strings.Fields("curl less vim-tiny procps gdb tmux perl-base")...)
	}
	env := a.packages(func(box, key string) *exec.Cmd {
		args := []string{"toolbox", "build", "--name", "deb", "-o", box, "--key", key}
		for _, name := range names {
			args = append(args, "--deb", name)
		}
		return a.command(nil, args...)
	}, "libc-bin", "openssl", "strace")
	a.foreign().dynamic("deb", env, map[string]string{
		"getent passwd root": "root:x:0:0:root:/dev/.home:/dev/sh\n",
		"ssh -V":             "OpenSSH_",
		"echo é | iconv -f UTF-8 -t UCS-4LE | od -An -tx1": "e9 00 00 00 0a",
		"openssl version": "OpenSSL ",
		"strace -V":       "strace -- version",
	}, debForeignLines)
}

// TestForeignNet is TestForeign for the toolbox that `make toolbox-net` makes.
func TestForeignNet(t *testing.T) {
	t.Parallel()
	a := start(t, "modules, start-up files and variables of the container's", "sessions with the toolbox net")
	script, err := filepath.Abs("../scripts/toolbox-net.sh")
	if err != nil {
		t.Fatal(err)
	}
	env := a.packages(func(box, key string) *exec.Cmd {
		cmd := exec.Command(script)
		cmd.Env = append(os.Environ(), "OUT="+box, "KEY="+key, "DLX_BIN="+a.dlx)
		return cmd
	}, strings.Fields("curl procps iproute2 tcpdump knot-dnsutils openssl ethtool mtr-tiny nftables conntrack iperf3 socat redis-tools gdb")...)
	a.foreign().dynamic("net", env, netAnswers, netForeignLines)
}

// packages makes a signed toolbox of Debian's packages and imports it, and wants it to list them
// with their versions. Its key is trusted in the environment that is returned.
func (a *attack) packages(build func(box, key string) *exec.Cmd, names ...string) []string {
	a.Helper()
	home, _, env := a.toolbox()
	box := filepath.Join(home, "packages.tar")
	cmd := build(box, home+"/k.key")
	if r := testutil.Collect(a.T, cmd); r.Code != 0 { // it fetches packages
		a.Fatalf("%q: %+v", cmd.Args, r)
	}
	for _, args := range [][]string{{"toolbox", "verify", box}, {"toolbox", "import", box}} {
		if r := testutil.Collect(a.T, a.command(env, args...)); r.Code != 0 {
			a.Fatalf("%q: %+v", args, r)
		}
	}
	r := testutil.Collect(a.T, a.command(env, "toolbox", "list", "--packages"))
	for _, name := range names {
		if !regexp.MustCompile(`(?m)^\S+ +` + name + ` +[0-9]`).MatchString(r.Stdout) {
			a.Errorf("%s has no version in the list:\n%s%s", name, r.Stdout, r.Stderr)
		}
	}
	return env
}

// dynamic uses a toolbox. First come command lines that have to print something, then those that
// would run what is the container's if they could.
func (f *foreign) dynamic(box string, env []string, answers map[string]string, lines []string) {
	f.Helper()
	f.env = env
	names := slices.Sorted(maps.Keys(answers))
	const mark = "== "
	var script strings.Builder
	for _, line := range names {
		fmt.Fprintf(&script, "echo '%s'; (%s) </dev/null 2>&1\n", mark, line)
	}
	f.sessions++
	r := testutil.Collect(f.T, f.command(env, "debug", f.target.ID, "--toolbox", box, "--", "bash", "-c", script.String()))
	got := strings.Split(r.Stdout, mark)
	if len(got) != len(names)+1 {
		f.Fatalf("%d answers of %d: %+v", len(got)-1, len(names), r)
	}
	for i, line := range names {
		if want := answers[line]; !strings.Contains(got[i+1], want) {
			f.Errorf("%s: no %q in %s", line, want, got[i+1])
		}
	}
	f.hostile.Check("programs of Debian's")
	for _, args := range sessions([][]string{{"--profile", "sysadmin"}, {"-u", "app"}, {}}) {
		f.lines(lines, append([]string{"--toolbox", box}, args...)...)
	}
}
