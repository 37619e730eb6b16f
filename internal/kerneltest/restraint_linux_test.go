//go:build kernel

package kerneltest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dlx/internal/testutil"
)

// apparmorProfile forbids one thing that only it forbids (apparmor.d(5)).
const apparmorProfile = `profile dlx-test flags=(attach_disconnected,mediate_deleted) {
	capability, dbus, file, mount, network, pivot_root, ptrace, signal, umount, unix,
	deny /tmp/denied w,
}
`

// TestAppArmor: a session is confined by its container's AppArmor profile.
func TestAppArmor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "profile")
	check(t, os.WriteFile(file, []byte(apparmorProfile), 0o600))
	// It stays for as long as the machine runs.
	if res := testutil.Collect(t, command(t, "apparmor_parser", "--skip-cache", "--replace", file)); res.Code != 0 {
		t.Fatalf("apparmor_parser: %+v", res)
	}
	c := start(t, with("process.apparmorProfile", "dlx-test"))
	if res := c.exec("touch /tmp/denied"); res.Code == 0 {
		t.Fatalf("the container itself is not confined: %+v", res)
	}
	for _, flags := range [][]string{
		{"--fs", "toolbox"}, {"--fs", "target", "--profile", "sysadmin"}, {"--fs", "target", "--profile", "restricted"},
	} {
		res := debug(c, "cat /proc/self/attr/current; touch /tmp/allowed && echo allowed; touch /tmp/denied || echo denied; rm -f /tmp/allowed", flags...)
		if want := "dlx-test (enforce)\nallowed\ndenied\n"; res.Stdout != want {
			t.Errorf("%v: %+v, want %q", flags, res, want)
		}
	}
}

// filtered gives a container a filter with a verdict that nothing else would give, EXDEV for
// mkdir(2).
func filtered(conf config) {
	const exdev = 18 // errno(3)
	conf.set("linux.seccomp", map[string]any{
		"defaultAction": "SCMP_ACT_ALLOW",
		"architectures": []string{"SCMP_ARCH_X86_64"},
		"syscalls":      []any{map[string]any{"names": []string{"mkdir", "mkdirat"}, "action": "SCMP_ACT_ERRNO", "errnoRet": exdev}},
	})
}

// verdict is what mkdir(1) says to it.
const verdict = "Invalid cross-device link"

// TestSeccomp: a session is filtered, and under baseline and restricted by its container's own
// filter.
func TestSeccomp(t *testing.T) {
	c := start(t, filtered)
	if res := c.exec("mkdir /tmp/d"); !strings.Contains(res.Stderr, verdict) {
		t.Fatalf("the container itself is not filtered: %+v", res)
	}
	for _, profile := range []string{"general", "netadmin", "baseline", "restricted"} {
		res := debug(c, "grep ^Seccomp: /proc/self/status; mkdir /tmp/"+profile, "--fs", "target", "--profile", profile)
		if res.Stdout != "Seccomp:\t2\n" {
			t.Errorf("%s: %+v, want a filter", profile, res)
		}
		own := profile == "baseline" || profile == "restricted"
		if got := strings.Contains(res.Stderr, verdict); got != own {
			t.Errorf("%s: the container's verdict %v, want %v: %+v", profile, got, own, res)
		}
	}
}

// TestNoNewPrivs: a session gains privileges by execve only where its container can.
func TestNoNewPrivs(t *testing.T) {
	c := start(t, with("process.noNewPrivileges", true))
	res := debug(c, "grep ^NoNewPrivs: /proc/self/status", "--fs", "target", "--profile", "sysadmin")
	if res.Stdout != "NoNewPrivs:\t1\n" {
		t.Errorf("%+v", res)
	}
}

// TestYama: sessions work where only ancestors, or only root, may trace (the kernel's
// LSM/Yama.rst), and the container's filter, which tracing tells of, is copied.
func TestYama(t *testing.T) {
	const file = "/proc/sys/kernel/yama/ptrace_scope"
	before, err := os.ReadFile(file)
	check(t, err)
	t.Cleanup(func() { check(t, os.WriteFile(file, before, 0)) })
	c := start(t, filtered)
	for _, scope := range []string{"1", "2"} {
		check(t, os.WriteFile(file, []byte(scope), 0))
		res := debug(c, "cat /marker; mkdir /tmp/d", "--fs", "target", "--profile", "baseline")
		if res.Stdout != "the container's\n" || !strings.Contains(res.Stderr, verdict) {
			t.Errorf("ptrace_scope %s: %+v", scope, res)
		}
	}
}
