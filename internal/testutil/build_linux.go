package testutil

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// Build results live in build/test of the checkout. git and `go list` do not see them there. They
// stay between runs, so that the go command links only what changed.
const buildDir = "build/test"

// BuildDlx returns the path of a dlx program: DLX_BIN, or one built from this checkout, with the
// toolbox inside if its bundle has been made. It is built once a test process.
func BuildDlx(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("DLX_BIN"); path != "" {
		return path
	}
	return must(t, buildDlx)
}

// BuildTools returns the path of dlx-tools, built from this checkout. It is built once a test
// process.
func BuildTools(t testing.TB) string {
	t.Helper()
	return must(t, buildTools)
}

// prog returns the path of the test program of that name, a static program of prog/.
func prog(t testing.TB, name string) string {
	t.Helper()
	return filepath.Join(must(t, buildProgs), name)
}

// ModuleRoot is the folder of go.mod.
func ModuleRoot(t testing.TB) string {
	t.Helper()
	return must(t, moduleRoot)
}

func must(t testing.TB, f func() (string, error)) string {
	t.Helper()
	s, err := f()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var moduleRoot = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Dir(string(bytes.TrimSpace(out))), nil
})

var buildDlx = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	args := []string{"-trimpath"}
	if _, err := os.Stat(filepath.Join(root, "toolbox/embedded/bundle.tar")); err == nil {
		args = append(args, "-tags", "dlx_toolbox")
	}
	return buildCommand(root, "dlx", args...)
})

var buildTools = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	return buildCommand(root, "dlx-tools", "-trimpath")
})

// buildCommand builds one of the programs in cmd.
func buildCommand(root, name string, args ...string) (string, error) {
	path := filepath.Join(root, buildDir, name)
	return path, locked(root, func() error {
		next := path + ".next"
		if err := goBuild(root, append(args, "-o", next, "./cmd/"+name)...); err != nil {
			return err
		}
		return replace(next, path)
	})
}

var buildProgs = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, buildDir, "prog")
	return dir, locked(root, func() error {
		return goBuild(root, "-trimpath", "-ldflags=-s -w", "-o", dir+"/", "./internal/testutil/prog/...")
	})
})

func goBuild(root string, args ...string) error {
	cmd := exec.Command("go", append([]string{"build", "-buildvcs=false"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return nil
}

// replace makes path a second name of the file next, in one step. A process of another package's
// tests may run path meanwhile, and keeps a whole program.
func replace(next, path string) error {
	link := path + ".link"
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Link(next, link); err != nil {
		return err
	}
	return os.Rename(link, path)
}

// locked runs f while no other test process builds: packages are tested in parallel.
func locked(root string, f func() error) (err error) {
	dir := filepath.Join(root, buildDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("flock %s: %w", lock.Name(), err)
	}
	return f()
}
