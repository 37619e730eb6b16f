package quota_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"dlx/internal/quota"
	"dlx/internal/testutil"
)

const (
	total  = 10
	helper = "DLX_TEST_QUOTA" // a directory: take units there, and keep them
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(helper); dir != "" {
		q, err := quota.Open(dir, "user", total)
		if err == nil {
			n, _ := strconv.Atoi(os.Args[1])
			_, err = q.Take(n)
		}
		if err != nil {
			os.Stdout.WriteString(err.Error())
		}
		os.Stdout.WriteString("\n")
		select {}
	}
	os.Exit(testutil.Main(m))
}

func open(t *testing.T, dir, name string) *quota.Quota {
	t.Helper()
	q, err := quota.Open(dir, name, total)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

// left is how many units are left.
func left(t *testing.T, q *quota.Quota) int {
	t.Helper()
	_, err := q.Take(total + 1)
	exceeded, ok := errors.AsType[*quota.ExceededError](err)
	if !ok || exceeded.Total != total || exceeded.Wanted != total+1 {
		t.Fatalf("error %v, want *ExceededError", err)
	}
	return exceeded.Left
}

// TestTake: what is taken is so by all that are open, in this process and in others, and a refusal
// takes nothing.
func TestTake(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dlx")
	one, two, other := open(t, dir, "user"), open(t, dir, "user"), open(t, dir, "other")
	release, err := one.Take(4)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.Take(3); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := two.Take(4); err == nil {
			t.Fatal("more is taken than there is")
		}
	}
	if got := left(t, two); got != 3 {
		t.Errorf("%d are left, want 3", got)
	}
	release()
	release() // nothing more
	if got := left(t, two); got != 7 {
		t.Errorf("%d are left, want 7", got)
	}
	if err := one.Close(); err != nil {
		t.Error(err)
	}
	if a, b := left(t, two), left(t, other); a != total || b != total {
		t.Errorf("%d and %d are left, want all", a, b)
	}
}

// TestKilled: the kernel gives back what a process had that is killed.
func TestKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dlx")
	q := open(t, dir, "user")
	cmd := exec.Command(os.Args[0], "8")
	cmd.Env = append(os.Environ(), helper+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "\n" {
		t.Errorf("the other process: %q, %v", line, err)
	}
	if got := left(t, q); got != 2 {
		t.Errorf("%d are left beside another process, want 2", got)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	testutil.Wait(t, "the killed process's units", time.Minute, func() bool { return left(t, q) == total })
}

// TestDirectory: where others may write, they could take the locks.
func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	open, link := filepath.Join(dir, "open"), filepath.Join(dir, "link")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o777), os.Symlink(t.TempDir(), link)); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{open, link, filepath.Join(dir, "no", "where")} {
		if _, err := quota.Open(d, "user", total); err == nil {
			t.Errorf("%s is taken", d)
		}
	}
}
