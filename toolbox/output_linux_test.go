package toolbox_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/outfile"
	"dlx/internal/testutil"
	"dlx/toolbox"
)

// TestOutputRefused: root writes a toolbox or a signature through no link.
// It replaces only regular files.
func TestOutputRefused(t *testing.T) {
	testutil.RequireRoot(t)
	key, _ := keyPair(t)
	b := signed(t, good(), key)
	link := func(to, name string) func(dir string) error {
		return func(dir string) error { return os.Symlink(to, filepath.Join(dir, name)) }
	}
	file := func(name string) func(dir string) error {
		return func(dir string) error { return b.WriteFile(filepath.Join(dir, name)) }
	}
	folder := func(name string) func(dir string) error {
		return func(dir string) error { return b.WriteFolder(filepath.Join(dir, name)) }
	}
	for name, tt := range map[string]struct {
		plant func(dir string) error
		write func(dir string) error
		want  error
	}{
		"link for a file":   {link("other", "x.tar"), file("x.tar"), outfile.ErrLink},
		"FIFO for a file":   {func(dir string) error { return syscall.Mkfifo(dir+"/x.tar", 0o600) }, file("x.tar"), outfile.ErrNotRegular},
		"link to its way":   {link(".", "sub"), file("sub/x.tar.zst"), outfile.ErrLink},
		"link to a folder":  {link(".", "sub"), folder("sub/box"), outfile.ErrLink},
		"link for a folder": {link("other", "box"), folder("box"), os.ErrExist},
		"link for a signature": {func(dir string) error {
			envelope := dir + "/box/" + toolbox.EnvelopeName
			return errors.Join(b.WriteFolder(dir+"/box"), os.Remove(envelope), os.Symlink("../other", envelope))
		}, func(dir string) error { return b.SaveSignature(dir + "/box") }, outfile.ErrLink},
		"link for a signed folder": {func(dir string) error {
			return errors.Join(b.WriteFolder(dir+"/box"), os.Symlink("box", dir+"/link"))
		}, func(dir string) error { return b.SaveSignature(dir + "/link") }, outfile.ErrLink},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := tt.plant(dir); err != nil {
				t.Fatal(err)
			}
			if err := tt.write(dir); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if _, err := os.Lstat(dir + "/other"); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("what the link leads to: %v", err)
			}
		})
	}
}

// TestPlantedInFolder: what somebody puts into a folder while it is filled is neither opened nor
// followed.
func TestPlantedInFolder(t *testing.T) {
	dir := t.TempDir()
	err := errors.Join(os.Symlink("other", dir+"/link"), syscall.Mkfifo(dir+"/fifo", 0o600),
		os.WriteFile(dir+"/file", nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, name := range []string{"link", "fifo", "file"} {
		done := make(chan error, 1)
		go func() { done <- toolbox.FillFile(root, name, []byte("x"), 0o644) }()
		var err error
		testutil.Wait(t, name+" is made or refused", time.Minute, func() bool {
			select {
			case err = <-done:
				return true
			default:
				return false
			}
		})
		if !errors.Is(err, os.ErrExist) {
			t.Errorf("%s: error %v, want ErrExist", name, err)
		}
	}
}

// TestStoreLock: a lock that is none, and a store that became somebody else's after it was looked
// at, keep an import from writing.
func TestStoreLock(t *testing.T) {
	testutil.RequireRoot(t)
	key, public := keyPair(t)
	policy := &toolbox.Policy{Trust: toolbox.NewTrust(public), Now: now}
	for name, plant := range map[string]func(lock string) error{
		"link": func(lock string) error { return os.Symlink("made", lock) },
		"FIFO": func(lock string) error { return syscall.Mkfifo(lock, 0o600) },
	} {
		dir := t.TempDir()
		if err := plant(filepath.Join(dir, "store.lock")); err != nil {
			t.Fatal(err)
		}
		_, err := toolbox.NewStore(dir).Import(signed(t, good(), key), policy)
		if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "store.lock")) {
			t.Errorf("%s: error %v", name, err)
		}
		if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
			t.Errorf("%s: the store has %v, %v", name, list, err)
		}
	}
	dir := t.TempDir()
	if err := os.Chown(dir, linux.Nobody, linux.Nobody); err != nil {
		t.Fatal(err)
	}
	if err := toolbox.Locked(dir+"/store", func() error { return nil }); !errors.Is(err, fault.NotOwned) {
		t.Errorf("error %v, want fault.NotOwned", err)
	}
}
