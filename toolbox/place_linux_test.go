package toolbox_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

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
		dir, err := os.MkdirTemp("/dev/shm", "dlx-bench-")
		if err != nil {
			b.Fatal(err)
		}
		box, err := toolbox.Verify(bundle)
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
