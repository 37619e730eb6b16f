//go:build dlx_toolbox

package toolbox_test

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"

	"dlx/internal/testutil"
	"dlx/toolbox"
)

// unpacked is the default toolbox in a folder of its own.
func unpacked(t *testing.T) string {
	t.Helper()
	b, err := toolbox.Default()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range b.Manifest().Files {
		file := filepath.Join(dir, f.Path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if f.Link != "" {
			err = os.Symlink(f.Link, file)
		} else {
			err = os.WriteFile(file, toolbox.Content(b, f.Path), os.FileMode(f.Mode))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// loads are what programs have that load code, or look up how to, at run time. Go's own resolver
// reads nsswitch.conf for the order of files and DNS, and loads nothing.
var (
	loads  = []string{"dlopen", "Dynamic loading not supported", "libnss_", "gconv", "ld.so.preload", "ld-linux", "ld-musl"}
	loadsC = []string{"nsswitch.conf", "/nscd/", "/etc/profile", "bash.bashrc", "bash.bash_logout", "/etc/inputrc", "/terminfo", "/etc/termcap"}
)

// TestProgramsLoadNothing looks into every program of the toolbox: none asks for a loader or can
// load code by itself.
func TestProgramsLoadNothing(t *testing.T) {
	b, err := toolbox.Default()
	if err != nil {
		t.Fatal(err)
	}
	seen := []string{}
	for _, f := range b.Manifest().Files {
		data := toolbox.Content(b, f.Path)
		if f.Link != "" || !bytes.HasPrefix(data, []byte(elf.ELFMAG)) {
			continue
		}
		seen = append(seen, f.Path)
		program, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
		if has(program, elf.PT_INTERP) {
			t.Errorf("%s asks for a loader", f.Path)
		}
		if needed, err := program.ImportedLibraries(); len(needed) > 0 {
			t.Errorf("%s needs %v, %v", f.Path, needed, err)
		}
		unwanted := loads
		if _, err := buildinfo.Read(bytes.NewReader(data)); err != nil {
			unwanted = slices.Concat(loads, loadsC)
			hardened(t, f.Path, program, data)
		}
		for _, s := range unwanted {
			if bytes.Contains(data, []byte(s)) {
				t.Errorf("%s has the string %s", f.Path, s)
			}
		}
	}
	want := []string{"bin/bash", "bin/busybox", "bin/dlx-tools", "bin/jq", "bin/strace", "libexec/dlx-init"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
}

func has(program *elf.File, kind elf.ProgType) bool {
	return slices.ContainsFunc(program.Progs, func(p *elf.Prog) bool { return p.Type == kind })
}

// canary is how functions on amd64 compare the stack protector's word: sub %fs:0x28,%rax.
const canary = "\x64\x48\x2b\x04\x25\x28\x00\x00\x00"

// hardened wants a C program to be static-pie, with its tables read-only, no executable stack, and
// guarded return addresses.
func hardened(t *testing.T, name string, program *elf.File, data []byte) {
	t.Helper()
	if program.Type != elf.ET_DYN {
		t.Errorf("%s is %v, not position-independent", name, program.Type)
	}
	if flags, err := program.DynValue(elf.DT_FLAGS_1); err != nil || len(flags) != 1 || elf.DynFlag1(flags[0])&(elf.DF_1_PIE|elf.DF_1_NOW) != elf.DF_1_PIE|elf.DF_1_NOW {
		t.Errorf("%s is not PIE with all bound at once: %v, %v", name, flags, err)
	}
	if !has(program, elf.PT_GNU_RELRO) {
		t.Errorf("%s has no RELRO", name)
	}
	for _, p := range program.Progs {
		if p.Flags&(elf.PF_W|elf.PF_X) == elf.PF_W|elf.PF_X {
			t.Errorf("%s has %v writable and executable", name, p.Type)
		}
	}
	if program.Machine == elf.EM_X86_64 && bytes.Count(data, []byte(canary)) < 20 {
		t.Errorf("%s has no stack protector", name)
	}
}

// TestProgramsUTF8 has the programs take text beyond ASCII for what it is, by themselves and with a
// locale.
func TestProgramsUTF8(t *testing.T) {
	box := unpacked(t)
	names := t.TempDir()
	if err := os.WriteFile(filepath.Join(names, "grüße 😀"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, env := range []string{"LANG=", "LANG=C.UTF-8", "LC_ALL=de_DE.UTF-8"} {
		for _, c := range []struct {
			want string
			args []string
		}{
			{"grüße 😀", []string{"bash", "-c", `printf 'grüße 😀'`}},
			{"7 ß", []string{"bash", "-c", `x='grüße 😀'; printf '%s %s' ${#x} "${x:3:1}"`}},
			{"GRÜSSE É", []string{"bash", "-c", `x='grüsse é'; printf %s "${x^^}"`}},
			{"grüße 😀", []string{"busybox", "printf", "grüße 😀"}},
			{"grüße 😀\n", []string{"busybox", "ls", "-1", names}},
			{"ü\n", []string{"jq", "-nr", `"grüße" | match("[^a-z]").string`}},
			{"[true,5]\n", []string{"jq", "-nc", `"grüße" | [test("^gr\\p{L}+$"), length]`}},
		} {
			cmd := exec.CommandContext(t.Context(), filepath.Join(box, "bin", c.args[0]), c.args[1:]...)
			cmd.Env = []string{env}
			out, err := cmd.CombinedOutput()
			if string(out) != c.want || err != nil {
				t.Errorf("%s %q: %q, %v, not %q", env, c.args, out, err, c.want)
			}
		}
	}
}

// hostileRoot is a root with the toolbox, and name service files that lead astray. It returns how
// many have asked the name service's daemon.
func hostileRoot(t *testing.T) (root string, asked func() int) {
	t.Helper()
	testutil.RequireRoot(t)
	root = unpacked(t)
	for name, content := range map[string]string{
		"etc/nsswitch.conf": "passwd: evil\ngroup: evil\nhosts: evil\n", "etc/passwd": "root:x:0:0::/home/of/root:/bin/sh\n", "etc/group": "root:x:0:\n",
		"etc/ld.so.preload": "/lib/evil.so\n", "lib/x86_64-linux-gnu/libnss_evil.so.2": "evil", "etc/termcap": "xterm:co#3:", "etc/inputrc": "\n",
		"etc/profile": "echo evil\n", "etc/bash.bashrc": "echo evil\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(root, "var/run/nscd")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	count := make(chan int, 1)
	go func() {
		n := 0
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			c.Close()
			n++
		}
		count <- n
	}()
	asked = sync.OnceValue(func() int {
		l.Close()
		return <-count
	})
	t.Cleanup(func() { asked() })
	return root, asked
}

// opened is a file that was asked for, in what strace(1) prints.
var opened = regexp.MustCompile(`open(?:at)?\([^"]*"([^"]*)"`)

// TestProgramsAskNoNameService follows programs that look users up, in a root with hostile files
// for the name service. They read only passwd(5) and group(5).
func TestProgramsAskNoNameService(t *testing.T) {
	root, asked := hostileRoot(t)
	for _, args := range [][]string{
		{"/bin/bash", "-c", "echo ~root ~nosuch"},
		{"/bin/bash", "-l", "-c", "echo ~root"},
		{"/bin/bash", "-i", "-c", "echo ~root"},
		{"/bin/busybox", "sh", "-c", "echo ~root ~nosuch"},
		{"/bin/busybox", "id", "nosuch"},
		{"/bin/busybox", "ls", "-l", "/etc"},
		{"/bin/strace", "-u", "root", "/bin/busybox", "true"},
		{"/bin/jq", "-n", "1"},
	} {
		cmd := exec.CommandContext(t.Context(), "/bin/strace", slices.Concat([]string{"-f", "-o", "/trace", "-e", "trace=open,openat,execve,connect", "--"}, args)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		cmd.Dir, cmd.Env = "/", []string{"HOME=/nowhere", "TERM=xterm", "PATH=/bin"}
		out, err := cmd.CombinedOutput()
		if bytes.Contains(out, []byte("evil")) {
			t.Errorf("%q printed %q", args, out)
		}
		trace, rerr := os.ReadFile(filepath.Join(root, "trace"))
		if rerr != nil {
			t.Fatalf("%q: %v; %v: %s", args, rerr, err, out)
		}
		files := 0
		for _, m := range opened.FindAllStringSubmatch(string(trace), -1) {
			files++
			if !slices.Contains([]string{"/etc/passwd", "/etc/group", "/etc", "/dev/null", "/dev/tty", "/etc/localtime", "/trace"}, m[1]) &&
				!strings.HasPrefix(m[1], "/nowhere/") && !strings.HasPrefix(m[1], "/usr/share/zoneinfo/") && !strings.HasPrefix(m[1], "/proc/") {
				t.Errorf("%q opened %s", args, m[1])
			}
		}
		if strings.Contains(string(trace), "connect(") {
			t.Errorf("%q connected to something:\n%s", args, trace)
		}
		if !bytes.Contains(trace, []byte("execve")) {
			t.Errorf("%q was not followed: %s", args, out)
		}
	}
	if n := asked(); n > 0 {
		t.Errorf("nscd's socket was asked %d times", n)
	}
}

// TestPromptWraps types a line longer than the terminal's width, in a root without terminfo. If the
// terminal is unknown, the line scrolls sideways instead: so it looks without.
func TestPromptWraps(t *testing.T) {
	testutil.RequireRoot(t)
	root := unpacked(t)
	const line = ": abcdefghijklmnopqrstuvwxyz-grüße-0123456789"
	for term, wraps := range map[string]bool{
		"xterm": true, "xterm-256color": true, "screen": true, "tmux": true, "linux": true, "vt100": true, "tmux-256color": true, "nosuch": false,
	} {
		out := prompt(t, root, term, line)
		// A scrolled line shows where it was cut off by < and >.
		if scrolled := strings.ContainsAny(out, "<>"); scrolled == wraps {
			t.Errorf("%s: %q", term, out)
		}
	}
}

// prompt is what bash writes to a terminal of 20 columns while a line is typed.
func prompt(t *testing.T, root, term, line string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/bash", "--noprofile", "--norc")
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Setsid: true, Setctty: true}
	cmd.Dir, cmd.Env = "/", []string{"TERM=" + term, "PS1=$ ", "HISTFILE="}
	terminal, err := pty.StartWithAttrs(cmd, &pty.Winsize{Rows: 10, Cols: 20}, cmd.SysProcAttr)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	if err := terminal.SetDeadline(time.Now().Add(30 * time.Second)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		t.Fatal(err)
	}
	if _, err := terminal.WriteString(line + "\rexit\r"); err != nil {
		t.Fatal(err)
	}
	out, _ := io.ReadAll(terminal) // it ends with EIO when the shell has gone
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s: %v: %q", term, err, out)
	}
	return string(out)
}
