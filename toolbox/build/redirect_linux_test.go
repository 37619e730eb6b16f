package build_test

import (
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dlx/internal/testutil"
	"dlx/toolbox/build"
)

// paths are what a program looks for: the container's plug-ins and start-up files,
// and files about the machine.
const paths = `
const char *const foreign[] = { "/usr/lib/evil/engines", "/usr/lib64/x", "/usr/share/locale", "/usr/local/lib", "/lib/x86_64-linux-gnu/security",
	"/etc/nsswitch.conf", "/etc/ssl/openssl.cnf", "/etc/krb5.conf:/opt/x", "/bin/sh" };
const char *const kept[] = { "/etc/passwd", "/etc/resolv.conf", "/usr/share/zoneinfo", "/etc/iproute2/rt_tables", "/etc/%s", "/opt/etc/x", "/etc/", "/bin/shutdown", "/x" };
int main(int argc, char **argv) { return foreign[argc] == kept[argc]; }
`

// TestRedirect: a program looks for nothing of the container's that it would load or be steered by.
// It still finds what is about the machine.
func TestRedirect(t *testing.T) {
	dir := t.TempDir()
	source, program := filepath.Join(dir, "paths.c"), filepath.Join(dir, "paths")
	if err := os.WriteFile(source, []byte(paths), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, flags := range map[string][]string{"dynamic": nil, "static": {"-static"}, "one segment": {"-static", "-Wl,-z,noseparate-code"}} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"-O2", "-o", program, source}, flags...)
			if out, err := exec.Command(testutil.RequireTool(t, "gcc"), args...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			before, err := os.ReadFile(program)
			if err != nil {
				t.Fatal(err)
			}
			after, err := build.Redirect(before)
			if err != nil || len(after) != len(before) {
				t.Fatalf("error %v, %d bytes became %d", err, len(before), len(after))
			}
			for _, s := range []string{"/usr/lib", "/usr/share/locale", "/usr/local", "/lib/x86_64", "/etc/nsswitch.conf", "/etc/ssl", "/etc/krb5", "/bin/sh\x00"} {
				if bytes.Contains(after, []byte("\x00"+s)) {
					t.Errorf("%s is still there", s)
				}
			}
			for _, s := range []string{"/etc/passwd", "/etc/resolv.conf", "/usr/share/zoneinfo", "/etc/iproute2/rt_tables", "/etc/%s", "/opt/etc/x", "/etc/", "/dev/sh", "/bin/shutdown"} {
				if !bytes.Contains(after, []byte("\x00"+s+"\x00")) {
					t.Errorf("%s is gone", s)
				}
			}
			if again, err := build.Redirect(after); err != nil || !bytes.Equal(again, after) {
				t.Errorf("a second time: error %v, or other bytes", err)
			}
			if err := os.WriteFile(program, after, 0o755); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program)
			if loader := interpreter(t, before); len(loader) > 0 {
				if err := cmd.Run(); !errors.Is(err, os.ErrPermission) {
					t.Errorf("without the toolbox's loader: error %v, want that it is refused", err)
				}
				cmd = exec.Command(string(bytes.TrimRight(loader, "\x00")), program)
			}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("it does not run any more: %v\n%s", err, out)
			}
		})
	}
}

// interpreter is where a program names its loader, empty if it names none.
func interpreter(t *testing.T, data []byte) []byte {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return data[p.Off : p.Off+p.Filesz]
		}
	}
	return nil
}

// TestRedirectLoader: a loader that nothing is known of is not taken.
func TestRedirectLoader(t *testing.T) {
	loader := testutil.RequireTool(t, "true")
	data, err := os.ReadFile(loader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := build.RedirectLoader(data); !errors.Is(err, build.ErrLibc) {
		t.Errorf("error %v, want that it is of no known C library", err)
	}
}

// TestRedirectGo: a program in Go stays as it is, but for its loader's name and the order of its
// resolver's.
func TestRedirectGo(t *testing.T) {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	file, nowhere := []byte("/etc/nsswitch.conf"), []byte("/dev/.dl/nsswitch.")
	got, err := build.Redirect(self)
	copy(interpreter(t, got), interpreter(t, self)) // the race detector makes it a dynamic one
	if err != nil || bytes.Contains(got, file) || !bytes.Equal(bytes.ReplaceAll(got, nowhere, file), bytes.ReplaceAll(self, nowhere, file)) {
		t.Errorf("error %v, or other bytes", err)
	}
}

func FuzzRedirect(f *testing.F) {
	f.Add([]byte("\x7fELF"))
	f.Add([]byte(strings.Repeat("\x00/etc/x\x00/usr/lib", 20)))
	if data, err := os.ReadFile("/bin/true"); err == nil && len(data) < 1<<16 {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		got, err := build.Redirect(data)
		if !bytes.Equal(before, data) || err == nil && len(got) != len(data) {
			t.Errorf("its argument changed, or %d bytes became %d", len(data), len(got))
		}
	})
}
