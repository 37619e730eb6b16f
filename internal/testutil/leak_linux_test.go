package testutil

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A leak that stays is named; one that goes meanwhile is none.
func TestLeaked(t *testing.T) {
	const brief, long = 50 * time.Millisecond, time.Minute // for what stays, and for what goes
	t.Run("descriptor", func(t *testing.T) {
		before := snapshot()
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		wantLeak(t, leaked(before, snapshot, brief), "/dev/null")
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		wantNone(t, leaked(before, snapshot, long))
	})
	t.Run("child", func(t *testing.T) {
		before := snapshot()
		cmd := exec.Command("sleep", "60")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		wantLeak(t, leaked(before, snapshot, brief), "(sleep)")
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		wantNone(t, leaked(before, snapshot, long))
	})
	t.Run("mount", func(t *testing.T) {
		RequireRoot(t)
		before, dir := snapshot(), t.TempDir()
		if err := syscall.Mount("dlx-test", dir, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		wantLeak(t, leaked(before, snapshot, brief), dir)
		if err := unmountBelow(filepath.Dir(dir)); err != nil {
			t.Fatal(err)
		}
		wantNone(t, leaked(before, snapshot, long))
	})
	t.Run("goes late", func(t *testing.T) {
		before := resources{}
		looks := 0
		wantNone(t, leaked(before, func() resources {
			if looks++; looks > 2 {
				return resources{"of others": true}
			}
			return resources{"late": true}
		}, long))
	})
}

func wantLeak(t *testing.T, got []string, part string) {
	t.Helper()
	if !slices.ContainsFunc(got, func(leak string) bool { return strings.Contains(leak, part) }) {
		t.Fatalf("leaks %q, want one of %s", got, part)
	}
}

func wantNone(t *testing.T, got []string) {
	t.Helper()
	if len(got) != 0 {
		t.Fatalf("leaks %q, want none", got)
	}
}

func TestRuntimeMount(t *testing.T) {
	for point, want := range map[string]bool{
		"/var/lib/docker/overlay2/0123abcd/merged":              true,
		"/var/lib/docker/overlay2/0123abcd/merged/.dlx":         false,
		"/var/lib/docker/containers/0123abcd/mounts/shm":        true,
		"/run/docker/netns/0123abcd":                            true,
		"/var/lib/docker/rootfs/overlayfs/0123abcd":             true,
		"/tmp/dlx-toolbox":                                      false,
		"/run/containerd/io.containerd.runtime.v2.task/moby/01": false,
	} {
		if got := runtimeMount.MatchString(point); got != want {
			t.Errorf("%s: %t, want %t", point, got, want)
		}
	}
}
