package testutil

import (
	"os/exec"
	"syscall"
	"testing"
)

// SmallDisk is a file system of a size as mount(8) takes it, such as "64k", for the length of a
// test.
func SmallDisk(t testing.TB, size string) (dir string) {
	t.Helper()
	RequireRoot(t)
	dir = t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "dlx-test", dir).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}
