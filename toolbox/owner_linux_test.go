package toolbox_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/testutil"
	"dlx/toolbox"
)

// TestOwners: a key, a store or a record of somebody else's, or that somebody else could have put
// there, is not used.
func TestOwners(t *testing.T) {
	testutil.RequireRoot(t) // chown
	_, public := keyPair(t)
	text, err := public.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(dir string) error
		want   error
	}{
		"as it should be":            {func(string) error { return nil }, nil},
		"key of another":             {func(dir string) error { return os.Chown(dir+"/c/trusted.d/a.pub", linux.Nobody, linux.Nobody) }, fault.NotOwned},
		"key that others write":      {func(dir string) error { return os.Chmod(dir+"/c/trusted.d/a.pub", 0o666) }, fault.Writable},
		"folder of another":          {func(dir string) error { return os.Chown(dir+"/c/trusted.d", linux.Nobody, linux.Nobody) }, fault.NotOwned},
		"folder that a group writes": {func(dir string) error { return os.Chmod(dir+"/c/trusted.d", 0o775) }, fault.Writable},
		"revoked keys of another":    {func(dir string) error { return os.Chown(dir+"/c/revoked.d", linux.Nobody, linux.Nobody) }, fault.NotOwned},
		"configuration of another":   {func(dir string) error { return os.Chown(dir+"/c", linux.Nobody, linux.Nobody) }, fault.NotOwned},
		"above it another's":         {func(dir string) error { return os.Chown(dir, linux.Nobody, linux.Nobody) }, fault.NotOwned},
		"above it writable":          {func(dir string) error { return os.Chmod(dir, 0o777) }, fault.Writable},
		"above it sticky":            {func(dir string) error { return os.Chmod(dir, 0o777|os.ModeSticky) }, nil},
		"link of another": {func(dir string) error {
			return errors.Join(os.Symlink("a.pub", dir+"/c/trusted.d/b.pub"), os.Lchown(dir+"/c/trusted.d/b.pub", linux.Nobody, linux.Nobody))
		}, fault.NotOwned},
		"link to a key of root's": {func(dir string) error {
			return errors.Join(os.Mkdir(dir+"/keys", 0o755), os.Rename(dir+"/c/trusted.d/a.pub", dir+"/keys/a.pub"), os.Symlink("../../keys/a.pub", dir+"/c/trusted.d/a.pub"))
		}, nil},
		"link through a folder of another": {func(dir string) error {
			return errors.Join(os.Mkdir(dir+"/keys", 0o755), os.Rename(dir+"/c/trusted.d/a.pub", dir+"/keys/a.pub"), os.Symlink(dir+"/keys/a.pub", dir+"/c/trusted.d/a.pub"),
				os.Chown(dir+"/keys", linux.Nobody, linux.Nobody))
		}, fault.NotOwned},
		"FIFO for a key": {func(dir string) error { return syscall.Mkfifo(dir+"/c/trusted.d/b.pub", 0o644) }, fault.BadKey},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "top")
			err := errors.Join(os.MkdirAll(dir+"/c/trusted.d", 0o755), os.Mkdir(dir+"/c/revoked.d", 0o755), os.WriteFile(dir+"/c/trusted.d/a.pub", text, 0o644), tt.change(dir))
			if err != nil {
				t.Fatal(err)
			}
			_, err = toolbox.LoadTrust(dir + "/c")
			if tt.want == nil && err != nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
	dir := filepath.Join(t.TempDir(), "toolboxes")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(dir+"/seen.json", []byte("{}"), 0o644), os.Chown(dir, linux.Nobody, linux.Nobody)); err != nil {
		t.Fatal(err)
	}
	s := toolbox.NewStore(dir)
	key, public := keyPair(t)
	_, lerr := s.List()
	_, ferr := s.Find("test")
	_, serr := s.Seen()
	_, ierr := s.Import(signed(t, good(), key), &toolbox.Policy{Trust: toolbox.NewTrust(public), Now: now})
	for what, err := range map[string]error{"list": lerr, "find": ferr, "seen": serr, "import": ierr} {
		if !errors.Is(err, fault.NotOwned) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s of a store of another's: %v", what, err)
		}
	}
	if err := errors.Join(os.Chown(dir, 0, 0), os.Remove(dir+"/seen.json"), syscall.Mkfifo(dir+"/seen.json", 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Seen(); err == nil {
		t.Error("a FIFO is a record")
	}
}
