package build

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPackageIsHeld: the links of a package that was unpacked lead to its own files, and a FIFO in
// it is not waited for.
func TestPackageIsHeld(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	p := &pkg{dir: t.TempDir()}
	err := errors.Join(os.WriteFile(outside, []byte("the host's"), 0o600),
		os.Mkdir(p.files(), 0o755), os.WriteFile(p.files()+"/inside", []byte("its own"), 0o644),
		os.Symlink(outside, p.files()+"/out"), os.Symlink("/inside", p.files()+"/in"), syscall.Mkfifo(p.files()+"/fifo", 0o644))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.read("/in"); err != nil || string(got) != "its own" {
		t.Errorf("a link inside: %q, %v", got, err)
	}
	for _, name := range []string{"/out", "/fifo"} {
		if got, err := p.read(name); err == nil {
			t.Errorf("%s is read: %q", name, got)
		}
	}
}

func TestFirstChoices(t *testing.T) {
	for depends, want := range map[string][]string{
		"":                      nil,
		"postgresql-client-15":  {"postgresql-client-15"},
		"libc6 (>= 2.34), perl": {"libc6", "perl"},
		"python3:any | python3-minimal (>= 3), a|b": {"python3", "a"},
	} {
		if diff := cmp.Diff(want, firstChoices(depends)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", depends, diff)
		}
	}
}

// TestProgramFolders: a package's programs are looked for where those of several versions lie, too.
func TestProgramFolders(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{"usr/bin", "usr/lib/postgresql/15/bin", "usr/lib/llvm-14/bin", "usr/lib/x/share"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := openTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.close()
	want := []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/lib/llvm-14/bin", "/usr/lib/postgresql/15/bin"}
	if diff := cmp.Diff(want, tree.programFolders()); diff != "" {
		t.Errorf("folders (-want +got):\n%s", diff)
	}
}
