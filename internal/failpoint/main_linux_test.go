//go:build failpoints

package failpoint_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"dlx/internal/testutil"
)

func TestMain(m *testing.M) {
	code := testutil.Main(m)
	if err := os.RemoveAll(built); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// built is the folder of what build has made.
var built string

// build builds a dlx without a toolbox inside, once: what it starts is itself, with the same
// points.
var build = sync.OnceValues(func() (file string, err error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("go list -m: %w", err)
	}
	if built, err = os.MkdirTemp("", "dlx-failpoint-"); err != nil {
		return "", err
	}
	file = filepath.Join(built, "dlx")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-tags", "failpoints", "-o", file, "./cmd/dlx")
	cmd.Dir = string(root[:len(root)-1])
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return file, nil
})
