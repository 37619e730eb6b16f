package build

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
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
