package build

import (
	"errors"
	"os"
	"testing"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/testutil"
)

// TestWorkFolder: nothing is unpacked where somebody else could put a link on the way.
func TestWorkFolder(t *testing.T) {
	testutil.RequireRoot(t) // chown
	dir := t.TempDir()
	if err := os.Chown(dir, linux.Nobody, linux.Nobody); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	r := Recipe{Name: "test", Version: "1", Sequence: 1, Dirs: []string{t.TempDir()}}
	if _, err := r.Build(t.Context()); !errors.Is(err, fault.NotOwned) {
		t.Errorf("error %v, want fault.NotOwned", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}
