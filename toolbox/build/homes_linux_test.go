package build_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/internal/testutil"
	"dlx/toolbox/build"
)

// TestForgetHomesGo: a program in Go does not find the home that the container's /etc/passwd names,
// in which it could look for start-up files.
func TestForgetHomesGo(t *testing.T) {
	testutil.RequireRoot(t) // who has a home in every /etc/passwd
	program := filepath.Join(t.TempDir(), "home")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./testdata/home")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	home := func() string {
		t.Helper()
		cmd := exec.Command(program)
		cmd.Env = []string{"HOME=/own", "USER=root"}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	if got := home(); got == "/own\n" {
		t.Fatal("it takes HOME, and not /etc/passwd, as it was built")
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, build.ForgetHomes(data), 0o755); err != nil { // a program
		t.Fatal(err)
	}
	if got := home(); got != "/own\n" {
		t.Errorf("its home is %q, want HOME", got)
	}
}

// TestLinkOver: a package's link in the place of another's folder leads nobody out of the tree that
// they are laid over each other in.
func TestLinkOver(t *testing.T) {
	work, outside := t.TempDir(), t.TempDir()
	victim := filepath.Join(outside, "x")
	write := func(name, content string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write(victim, "outside")
	write(work+"/a/usr/share/x", "a")
	write(work+"/b/usr/lib/x", "b")
	write(work+"/b/usr/share/x", "b")
	if err := os.Symlink(outside, work+"/a/usr/lib"); err != nil {
		t.Fatal(err)
	}
	write(work+"/c/usr/etc/x", "c")
	if err := os.Symlink(outside, work+"/b/usr/etc"); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(work)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, from := range []string{"c", "a", "b"} {
		if err := build.LinkOver(root, from, "all"); err != nil {
			t.Fatalf("%s: %v", from, err)
		}
	}
	got := map[string]string{}
	err = fs.WalkDir(root.FS(), "all", func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			data, rerr := root.ReadFile(name)
			got[name], err = string(data), rerr
		}
		return err
	})
	want := map[string]string{"all/usr/share/x": "b", "all/usr/lib/x": "b", "all/usr/etc/x": "c"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if data, err := os.ReadFile(victim); err != nil || string(data) != "outside" {
		t.Errorf("the file outside is %q, %v", data, err)
	}
}
