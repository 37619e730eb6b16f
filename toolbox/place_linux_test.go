package toolbox_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/toolbox"
)

// BenchmarkPlace verifies and places the default toolbox in a tmpfs.
func BenchmarkPlace(b *testing.B) {
	bundle, err := toolbox.Default()
	if err != nil {
		b.Fatal(err)
	}
	size := int64(0)
	for _, f := range bundle.Manifest().Files {
		size += f.Size
	}
	b.SetBytes(size)
	for b.Loop() {
		dir, err := os.MkdirTemp("/dev/shm", "dlx-bench-") //nolint:usetesting // a tmpfs, as the real one
		if err != nil {
			b.Fatal(err)
		}
		box, err := toolbox.VerifyDefault()
		if err != nil {
			b.Fatal(err)
		}
		fd, err := linux.OpenPath(dir)
		if err != nil {
			b.Fatal(err)
		}
		err = errors.Join(box.Place(b.Context(), fd), fd.Close())
		b.StopTimer()
		if err = errors.Join(err, os.RemoveAll(filepath.Clean(dir))); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkDefault reads the bundle's archive and manifest.
func BenchmarkDefault(b *testing.B) {
	for b.Loop() {
		if _, err := toolbox.Default(); err != nil {
			b.Fatal(err)
		}
	}
}

func TestPlace(t *testing.T) {
	box := verified(t, good())
	dir := t.TempDir()
	fd, err := linux.OpenPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	if err := box.Place(t.Context(), fd); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "bin/link")); err != nil || string(data) != "#!tool" {
		t.Errorf("bin/link reads %q, %v", data, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "bin/tool")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("bin/tool: %v, %v", info, err)
	}
	if err := box.Place(t.Context(), fd); !errors.Is(err, os.ErrExist) {
		t.Errorf("placing again: %v, want os.ErrExist", err)
	}
}

func TestPlaceRefusesChangedBytes(t *testing.T) {
	p := good()
	p.contents["share/text"] = []byte("tixt")
	box := verified(t, p)
	fd, err := linux.OpenPath(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	if err := box.Place(t.Context(), fd); !errors.Is(err, toolbox.ErrChanged) || fault.Of(err).Target != "share/text" {
		t.Errorf("error %v, want share/text refused for changed bytes", err)
	}
}

// TestPlaceFollowsNoLink: nothing is written through a link in the place of a directory.
func TestPlaceFollowsNoLink(t *testing.T) {
	box := verified(t, good())
	dir, elsewhere := t.TempDir(), t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	fd, err := linux.OpenPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	if err := box.Place(t.Context(), fd); err == nil {
		t.Error("placed through a link")
	}
	if names, err := os.ReadDir(elsewhere); err != nil || len(names) != 0 {
		t.Errorf("the link's target holds %v, %v", names, err)
	}
}
