package nsutil_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netns"

	"dlx/internal/linux"
	"dlx/internal/testutil"
	"dlx/nsutil"
)

// TestFindNetNS: what is a network namespace by its name is held, and nothing else that has one is
// opened: not for its links, nor by waiting for the other end of a FIFO.
func TestFindNetNS(t *testing.T) {
	testutil.RequireRoot(t)
	dir := t.TempDir()
	bind := func(kind string) {
		file := filepath.Join(dir, kind)
		err := errors.Join(os.WriteFile(file, nil, 0o600), syscall.Mount("/proc/self/ns/"+kind, file, "", syscall.MS_BIND, ""))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := syscall.Unmount(file, syscall.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
	}
	bind("net")
	bind("uts")
	err := errors.Join(
		os.Symlink("/proc/self/ns/net", filepath.Join(dir, "magic")), os.Symlink("net", filepath.Join(dir, "link")),
		os.Symlink("../../../../../../etc/passwd", filepath.Join(dir, "out")), syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600),
		syscall.Mknod(filepath.Join(dir, "null"), syscall.S_IFCHR|0o600, 1<<8|3), os.Mkdir(filepath.Join(dir, "dir"), 0o700),
		os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	below, err := linux.OpenPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer below.Close()
	own, err := nsutil.Own()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"net": nil, "link": nil, "uts": nsutil.ErrNotNetNS, "magic": linux.ErrNotExist, "out": linux.ErrNotExist, "fifo": nsutil.ErrNotNetNS,
		"null": nsutil.ErrNotNetNS, "dir": nsutil.ErrNotNetNS, "file": nsutil.ErrNotNetNS, "none": linux.ErrNotExist,
	} {
		began := time.Now()
		ns, err := nsutil.FindNetNS(t.Context(), below, name)
		switch {
		case !errors.Is(err, want), time.Since(began) > 10*time.Second:
			t.Errorf("%s: %v after %s, want %v", name, err, time.Since(began), want)
		case err == nil && ns.ID() != own[nsutil.Net]:
			t.Errorf("%s: %v, want %v", name, ns.ID(), own[nsutil.Net])
		}
		if err := ns.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestTakeNetNS: a handle of package netns has another owner afterwards, and what is none of a
// network's is closed.
func TestTakeNetNS(t *testing.T) {
	testutil.RequireRoot(t)
	handle, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	ns, err := nsutil.TakeNetNS(handle)
	if err != nil {
		t.Fatal(err)
	}
	if err := ns.Close(); err != nil {
		t.Error(err)
	}
	other, err := netns.GetFromPath("/proc/self/ns/uts")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nsutil.TakeNetNS(other); !errors.Is(err, nsutil.ErrNotNetNS) {
		t.Errorf("a namespace of host names: %v", err)
	}
	if err := other.Close(); err == nil {
		t.Error("it was left open")
	}
}
