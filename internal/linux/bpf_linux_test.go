package linux_test

import (
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dlx/internal/linux"
	"dlx/internal/testutil"
)

// unifiedCgroup makes a group of version 2, which need not have controllers for device programs.
func unifiedCgroup(t *testing.T, name string) (dir string, fd *linux.FD) {
	t.Helper()
	testutil.RequireRoot(t)
	root := "/sys/fs/cgroup"
	if !linux.HasMagic(root, linux.MagicCgroup2) {
		root = filepath.Join(root, "unified")
	}
	dir = filepath.Join(root, "test-"+name+"-"+rand.Text())
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	if fd, err = linux.OpenRead(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fd.Close() })
	return dir, fd
}

// opened lists which of some devices a process in the group can open for reading and writing.
func opened(t *testing.T, group *linux.FD) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testutil.RequireTool(t, "busybox"), "sh", "-c",
		`for f in null zero full; do (: </dev/$f) 2>&- && echo $f r; (: >/dev/$f) 2>&- && echo $f w; done; exit 0`)
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: group.Int()}
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr // the null device, which os/exec would open, can be opened here
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", ",")
}

// TestDevicePrograms: a group's programs, those of the groups above it included, can be put in
// force for another group, with devices that are allowed all the same.
func TestDevicePrograms(t *testing.T) {
	dir, above := unifiedCgroup(t, "above")
	const all = "null r,null w,zero r,zero w,full r,full w"
	if got := opened(t, above); got != all {
		t.Fatalf("without a program %s can be opened", got)
	}
	forbid, err := linux.ForbidDevices()
	if err != nil {
		t.Fatal(err)
	}
	defer forbid.Close()
	if err := forbid.Attach(above); err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(dir, "below")
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(below)
	theirs, err := linux.OpenRead(below)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	programs, err := linux.DevicePrograms(theirs)
	if err != nil || len(programs) != 1 {
		t.Fatalf("%d programs, %v", len(programs), err)
	}
	defer linux.CloseDevicePrograms(programs) //nolint:errcheck // of a test
	for name, c := range map[string]struct {
		allow []linux.Device
		want  string
	}{
		"same":    {nil, ""},
		"one":     {[]linux.Device{{Major: 1, Minor: 3, Access: "rwm"}}, "null r,null w"},
		"reading": {[]linux.Device{{Major: 1, Minor: 3, Access: "r"}, {Major: 1, Minor: 5, Access: "w"}}, "null r,zero w"},
		"block":   {[]linux.Device{{Block: true, Major: 1, Minor: 3, Access: "rwm"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, own := unifiedCgroup(t, name)
			p, err := programs[0].Allowing(c.allow)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if err := errors.Join(p.Attach(own)); err != nil {
				t.Fatal(err)
			}
			if got := opened(t, own); got != c.want {
				t.Errorf("%q can be opened, want %q", got, c.want)
			}
		})
	}
}

// TestAllowOnly: what is listed can be opened, by any number if that is said, and nothing else.
func TestAllowOnly(t *testing.T) {
	for name, c := range map[string]struct {
		allow []linux.Device
		want  string
	}{
		"nothing": {nil, ""},
		"one":     {[]linux.Device{{Major: 1, Minor: 5, Access: "r"}}, "zero r"},
		"minors":  {[]linux.Device{{Major: 1, Minor: linux.AnyNumber, Access: "w"}}, "null w,zero w,full w"},
		"all":     {[]linux.Device{{Major: linux.AnyNumber, Minor: linux.AnyNumber, Access: "r"}}, "null r,zero r,full r"},
		"making":  {[]linux.Device{{Major: linux.AnyNumber, Minor: linux.AnyNumber, Access: "m"}}, ""},
		"blocks":  {[]linux.Device{{Block: true, Major: linux.AnyNumber, Minor: linux.AnyNumber, Access: "rwm"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, own := unifiedCgroup(t, name)
			p, err := linux.AllowOnly(c.allow)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if err := p.Attach(own); err != nil {
				t.Fatal(err)
			}
			if got := opened(t, own); got != c.want {
				t.Errorf("%q can be opened, want %q", got, c.want)
			}
		})
	}
	if rule := (linux.Device{Major: 136, Minor: linux.AnyNumber, Access: "rwm"}).Rule(); rule != "c 136:* rwm" {
		t.Errorf("rule %q", rule)
	}
}
