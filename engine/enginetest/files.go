//go:build linux

package enginetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dlx/engine"
	"dlx/internal/testutil"
)

// files checks that / is the target's live root: what either side writes, the other sees.
func (s *suite) files(t *testing.T) {
	e := s.engine(t)
	volume := t.TempDir()
	image := testutil.Image(t, "files", testutil.Prog(t, "pause"), testutil.Busybox(t))
	c := testutil.Run(t, testutil.RunOptions{Image: image, Binds: []string{volume + ":/data"}, Tmpfs: map[string]string{"/scratch": ""}})
	inside := func(args ...string) string {
		t.Helper()
		code, out := c.Exec(append([]string{"/bin/busybox"}, args...)...)
		if code != 0 {
			t.Fatalf("exec %q: status %d, %s", args, code, out)
		}
		return out
	}
	req := engine.DebugRequest{Target: c.ID}
	for _, dir := range []string{"", "/data", "/scratch"} {
		t.Run("in "+dir+"/", func(t *testing.T) {
			sh(t, e, req, "echo session >"+dir+"/by-session")
			if out := inside("cat", dir+"/by-session"); out != "session\n" {
				t.Errorf("the container reads %q of what the session wrote", out)
			}
			inside("sh", "-c", "echo container >"+dir+"/by-container")
			if out := sh(t, e, req, "cat "+dir+"/by-container"); out != "container\n" {
				t.Errorf("the session reads %q of what the container wrote", out)
			}
			inside("rm", dir+"/by-session", dir+"/by-container")
			if out := sh(t, e, req, "ls -a "+dir+"/"); strings.Contains(out, "by-") {
				t.Errorf("removed files are still there: %q", out)
			}
		})
	}
	t.Run("volume on the host", func(t *testing.T) {
		sh(t, e, req, "echo x >/data/v")
		if data, err := os.ReadFile(filepath.Join(volume, "v")); err != nil || string(data) != "x\n" {
			t.Errorf("volume holds %q, %v", data, err)
		}
	})
	t.Run("read-only session", func(t *testing.T) {
		req := req
		req.ReadOnly = true
		for _, dir := range []string{"", "/data", "/scratch", "/dev/shm"} {
			req.Command = []string{"sh", "-c", "echo x >" + dir + "/file"}
			if res, err := debug(t, e, req, ""); err != nil || res.Code == 0 {
				t.Errorf("write to %s/: status %d, %v", dir, res.Code, err)
			}
		}
	})
	t.Run("read-only session that remounts", func(t *testing.T) {
		req := req
		req.ReadOnly, req.Profile = true, "sysadmin"
		req.Command = []string{"/bin/busybox", "sh", "-c", "for m in / /data; do busybox mount -o remount,rw $m || busybox mount -o remount,rw,bind $m; echo x >$m/file; done; test -e /file || test -e /data/file"}
		req.Env = []string{"PATH=/bin"}
		if res, err := debug(t, e, req, ""); err != nil || res.Code != 1 {
			t.Errorf("a file was written: %+v, %v", res, err)
		}
	})
	t.Run("read-only container", func(t *testing.T) {
		ro := testutil.Run(t, testutil.RunOptions{Image: image, ReadOnly: true})
		untouched(t, ro)
		res, err := debug(t, e, engine.DebugRequest{Target: ro.ID, Command: []string{"sh", "-c", "echo x >/file"}}, "")
		if err != nil || res.Code == 0 {
			t.Errorf("write to a read-only root: status %d, %v", res.Code, err)
		}
	})
}
