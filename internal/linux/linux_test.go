//go:build linux

package linux_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"dlx/internal/linux"
	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// TestLinksAreNotFollowed: whatever opens or makes a name below a held directory stops at a link.
func TestLinksAreNotFollowed(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	if err := errors.Join(os.Symlink(elsewhere, filepath.Join(dir, "link")), os.Symlink("..", filepath.Join(dir, "up"))); err != nil {
		t.Fatal(err)
	}
	fd, err := linux.OpenPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	for name, try := range map[string]func(name string) (*linux.FD, error){
		"OpenDirAt":   func(name string) (*linux.FD, error) { return linux.OpenDirAt(fd, name) },
		"OpenBeneath": func(name string) (*linux.FD, error) { return linux.OpenBeneath(fd, name, linux.OPath|linux.ODirectory) },
		"CreateAt":    func(name string) (*linux.FD, error) { return linux.CreateAt(fd, name, 0o644) },
		"MkdirAt":     func(name string) (*linux.FD, error) { return nil, linux.MkdirAt(fd, name, 0o755) },
	} {
		for _, link := range []string{"link", "up"} {
			if got, err := try(link); err == nil {
				t.Errorf("%s goes through %s", name, link)
				got.Close()
			}
		}
	}
	if _, err := linux.OpenBeneath(fd, "../"+filepath.Base(elsewhere), linux.OPath); err == nil {
		t.Error("OpenBeneath goes up")
	}
	root, err := linux.FindOnMount(fd, "up/up/../..")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	a, aerr := linux.Fstat(fd)
	b, berr := linux.Fstat(root.FD)
	if aerr != nil || berr != nil || a.Ino != b.Ino {
		t.Errorf("FindOnMount leaves the root: inode %d, want %d (%v, %v)", b.Ino, a.Ino, aerr, berr)
	}
}

func TestSealedProgram(t *testing.T) {
	fd, err := linux.SealedProgram("test", func(w io.Writer) error {
		_, err := io.WriteString(w, "#!/bin/true\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	f := fd.File("memfd")
	defer f.Close()
	if _, err := f.WriteAt([]byte("x"), 0); err == nil {
		t.Error("a sealed program can be written to")
	}
	if err := f.Truncate(0); err == nil {
		t.Error("a sealed program can be cut short")
	}
	want := errors.New("no more")
	if _, err := linux.SealedProgram("test", func(io.Writer) error { return want }); !errors.Is(err, want) {
		t.Errorf("error %v, want the writer's", err)
	}
}

func TestFeatures(t *testing.T) {
	testutil.RequireRoot(t)
	for _, f := range linux.Features() {
		if f.Err != nil {
			t.Errorf("%s: %v", f.Name, f.Err)
		}
	}
}

// TestModeIgnoresUmask: other users can read what is placed for them, with any umask of dlx.
func TestModeIgnoresUmask(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	dir := t.TempDir()
	fd, err := linux.OpenPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	if err := linux.MkdirAt(fd, "d", 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := linux.CreateAt(fd, "f", 0o755)
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	for _, name := range []string{"d", "f"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}
