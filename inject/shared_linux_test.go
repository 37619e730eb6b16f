package inject_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"dlx/inject"
	"dlx/internal/linux"
	"dlx/internal/testutil"
	"dlx/toolbox"
)

// TestSharedAlone: a toolbox that is kept keeps none of the host's mounts, as of a container's root
// that is to go. overlayfs refuses a directory to write to that another mount has (the kernel's
// overlayfs.rst, "index").
func TestSharedAlone(t *testing.T) {
	testutil.RequireRoot(t)
	disk := testutil.SmallDisk(t, "1m")
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(disk, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	merged := filepath.Join(disk, "merged")
	options := "index=on,lowerdir=" + disk + "/lower,upperdir=" + disk + "/upper,workdir=" + disk + "/work"
	if err := syscall.Mount("overlay", merged, "overlay", 0, options); err != nil {
		t.Fatal(err)
	}
	s := share(t)
	if err := syscall.Unmount(merged, 0); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("overlay", merged, "overlay", 0, options); err != nil {
		t.Errorf("what was mounted before can not be mounted again: %v", err)
	} else if err := syscall.Unmount(merged, 0); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestSharedGone: what is shown outlives what it was cloned of, as long as it is seen.
func TestSharedGone(t *testing.T) {
	testutil.RequireRoot(t)
	s := share(t)
	m, err := s.Clone()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	tool, err := linux.OpenAt(m.Root(), "tools/bin/dlx-tools")
	if err != nil {
		t.Error(err)
	}
	if err := linux.CloseAll(tool, m.Root()); err != nil {
		t.Error(err)
	}
}

func share(t *testing.T) *inject.Shared {
	t.Helper()
	box, err := toolbox.VerifyDefault()
	if err != nil {
		t.Fatal(err)
	}
	s, err := inject.Share(t.Context(), box)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
