package outfile_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/internal/outfile"
	"dlx/internal/testutil"
)

const canary, content = "the host's", "new"

func write(w io.Writer) error {
	_, err := io.WriteString(w, content)
	return err
}

// ways are those to make a file or folder.
var ways = map[string]func(name string) error{
	"replace": func(name string) error { return outfile.Replace(name, 0o644, write) },
	"new": func(name string) error {
		return outfile.In(name, func(d *outfile.Dir, base string) error { return d.New(base, 0o600, []byte(content)) })
	},
	"folder": func(name string) error {
		return outfile.Folder(name, func(f *os.Root) error { return f.WriteFile("file", []byte(content), 0o644) })
	},
}

// soon fails unless f comes to an end.
func soon(t *testing.T, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		t.Fatal("making a file does not end")
		return nil
	}
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// TestRefused: what was planted under the name stays what it is, whether root makes a file for
// itself or for a user.
func TestRefused(t *testing.T) {
	testutil.RequireRoot(t)
	const other = 4242
	victim := filepath.Join(t.TempDir(), "victim")
	tests := map[string]struct {
		plant func(dir string) error // dir/x
		want  error                  // from replace
	}{
		"link":            {func(dir string) error { return os.Symlink(victim, dir+"/x") }, outfile.ErrLink},
		"link to nothing": {func(dir string) error { return os.Symlink(victim+"2", dir+"/x") }, outfile.ErrLink},
		"FIFO":            {func(dir string) error { return syscall.Mkfifo(dir+"/x", 0o666) }, outfile.ErrNotRegular},
		"device":          {func(dir string) error { return syscall.Mknod(dir+"/x", syscall.S_IFCHR|0o666, 1<<8|3) }, outfile.ErrNotRegular},
		"socket":          {func(dir string) error { return syscall.Mknod(dir+"/x", syscall.S_IFSOCK|0o666, 0) }, outfile.ErrNotRegular},
		"folder":          {func(dir string) error { return os.Mkdir(dir+"/x", 0o700) }, outfile.ErrNotRegular},
		"another user's in a sticky directory": {func(dir string) error {
			return errors.Join(os.Chmod(dir, 0o777|os.ModeSticky),
				os.WriteFile(dir+"/x", []byte(canary), 0o666), os.Chown(dir+"/x", other, other))
		}, outfile.ErrOthers},
	}
	for name, tt := range tests {
		for way, create := range ways {
			for _, owner := range []*outfile.Owner{nil, {UID: 1234, GID: 1234}} {
				t.Run(fmt.Sprint(name, " ", way, " ", owner), func(t *testing.T) {
					dir := t.TempDir()
					if err := errors.Join(os.WriteFile(victim, []byte(canary), 0o644), tt.plant(dir)); err != nil {
						t.Fatal(err)
					}
					before, err := os.Lstat(dir + "/x")
					if err != nil {
						t.Fatal(err)
					}
					want := tt.want
					if way != "replace" {
						want = fs.ErrExist
					}
					err = soon(t, func() error {
						return outfile.As(owner, nil, func() error { return create(dir + "/x") })
					})
					if !errors.Is(err, want) {
						t.Errorf("error %v, want %v", err, want)
					}
					if after, err := os.Lstat(dir + "/x"); err != nil || !os.SameFile(before, after) || before.Size() != after.Size() {
						t.Errorf("before %v; after %v, %v", before, after, err)
					}
					if diff := cmp.Diff([]string{"x"}, names(t, dir)); diff != "" {
						t.Errorf("the directory (-want +got):\n%s", diff)
					}
					if got, err := os.ReadFile(victim); err != nil || string(got) != canary {
						t.Errorf("the victim has %q, %v", got, err)
					}
				})
			}
		}
	}
}

// TestLinkOnTheWay: root makes nothing in a directory that a link stands for.
func TestLinkOnTheWay(t *testing.T) {
	testutil.RequireRoot(t)
	dir, target := t.TempDir(), t.TempDir()
	if err := errors.Join(os.Mkdir(target+"/sub", 0o755), os.Symlink(target, dir+"/link")); err != nil {
		t.Fatal(err)
	}
	for way, create := range ways {
		for _, name := range []string{"/link/x", "/link/sub/x", "/link/../x"} {
			if err := create(dir + name); !errors.Is(err, outfile.ErrLink) {
				t.Errorf("%s of %s: error %v, want ErrLink", way, name, err)
			}
		}
	}
	if diff := cmp.Diff([]string{"sub"}, names(t, target)); diff != "" {
		t.Errorf("the link's directory (-want +got):\n%s", diff)
	}
}

// TestOwner: what root makes for a user is the user's, also in a directory that only root may
// reach.
func TestOwner(t *testing.T) {
	testutil.RequireRoot(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for way, create := range ways {
		name := filepath.Join(dir, way)
		if err := outfile.As(&outfile.Owner{UID: 1234, GID: 1235}, nil, func() error { return create(name) }); err != nil {
			t.Errorf("%s: %v", way, err)
			continue
		}
		info, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != 1234 || st.Gid != 1235 {
			t.Errorf("%s: user %d, group %d", way, st.Uid, st.Gid)
		}
	}
	if err := os.WriteFile(dir+"/roots", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir + "/roots"); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("a thread that is not As's makes files as another user: %v", err)
	}
}

// TestSwapped: a directory is renamed, and a link takes its place, once it was walked to, and again
// while a file is written.
func TestSwapped(t *testing.T) {
	outer, target := t.TempDir(), t.TempDir()
	dir := outer + "/dir"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	fd, err := outfile.Walk(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(dir, outer+"/aside"), os.Symlink(target, dir)); err != nil {
		t.Fatal(err)
	}
	d, err := outfile.HoldOpen(dir, fd)
	if err != nil {
		t.Fatal(err)
	}
	err = d.Replace("x", 0o644, func(w io.Writer) error {
		return errors.Join(os.Rename(outer+"/aside", outer+"/moved"), os.Symlink(target, outer+"/aside"), write(w))
	})
	if err := errors.Join(err, d.Close()); err != nil {
		t.Error(err)
	}
	if list := names(t, target); len(list) != 0 {
		t.Errorf("the link's directory has %q", list)
	}
	if got, err := os.ReadFile(outer + "/moved/x"); err != nil || string(got) != content {
		t.Errorf("the file has %q, %v", got, err)
	}
}

// TestWhole: a file or folder that could not be written to its end is not there.
// An older one stays.
func TestWhole(t *testing.T) {
	dir := t.TempDir()
	full := errors.New("full")
	if err := os.WriteFile(dir+"/x", []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	rerr := outfile.Replace(dir+"/x", 0o644, func(w io.Writer) error { return errors.Join(write(w), full) })
	ferr := outfile.Folder(dir+"/folder/", func(f *os.Root) error { return errors.Join(f.Mkdir("sub", 0o755), full) })
	if !errors.Is(rerr, full) || !errors.Is(ferr, full) {
		t.Errorf("errors %v, %v", rerr, ferr)
	}
	if diff := cmp.Diff([]string{"x"}, names(t, dir)); diff != "" {
		t.Errorf("the directory (-want +got):\n%s", diff)
	}
	if got, err := os.ReadFile(dir + "/x"); err != nil || string(got) != canary {
		t.Errorf("the file has %q, %v", got, err)
	}
	if err := ways["replace"](dir + "/x"); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(dir + "/x"); err != nil || string(got) != content {
		t.Errorf("the file has %q, %v", got, err)
	}
	for _, name := range []string{"", ".", "..", "x/y/"} {
		if err := ways["replace"](dir + "/" + name); err == nil {
			t.Errorf("%q is written to", name)
		}
	}
}

// TestNoAnswer: a FUSE server that does not answer holds up nobody who has given up.
func TestNoAnswer(t *testing.T) {
	testutil.RequireRoot(t)
	server, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		testutil.SkipOrFail(t, "needs /dev/fuse: "+err.Error())
	}
	dir := t.TempDir()
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", server.Fd())
	if err := syscall.Mount("dlx-test", dir, "fuse", syscall.MS_NODEV|syscall.MS_NOSUID, options); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(server.Close(), syscall.Unmount(dir, syscall.MNT_DETACH)); err != nil { // which lets the thread go that waits
			t.Error(err)
		}
	}()
	done := make(chan struct{})
	close(done)
	err = soon(t, func() error {
		return outfile.As(nil, done, func() error { return ways["replace"](dir + "/x") })
	})
	if !errors.Is(err, outfile.ErrNoAnswer) {
		t.Errorf("error %v, want ErrNoAnswer", err)
	}
}

// TestLock: a lock is a regular file, and where a link stands none is made.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Symlink(dir+"/made", dir+"/link"), syscall.Mkfifo(dir+"/fifo", 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{"link": outfile.ErrLink, "fifo": outfile.ErrNotRegular, "lock": nil} {
		err := soon(t, func() error {
			f, err := outfile.OpenLock(filepath.Join(dir, name))
			if err == nil {
				err = f.Close()
			}
			return err
		})
		if !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", name, err, want)
		}
	}
	if diff := cmp.Diff([]string{"fifo", "link", "lock"}, names(t, dir)); diff != "" {
		t.Errorf("the directory (-want +got):\n%s", diff)
	}
}

// TestAppend: what is there is gone on with, and nothing but a regular file with one name is.
func TestAppend(t *testing.T) {
	dir, away := t.TempDir(), t.TempDir()
	victim := filepath.Join(away, "victim")
	if err := errors.Join(os.WriteFile(victim, []byte(canary), 0o644), os.Symlink(victim, dir+"/link"), os.Link(victim, dir+"/hard"),
		syscall.Mkfifo(dir+"/fifo", 0o600), os.Symlink(away, dir+"/way")); err != nil {
		t.Fatal(err)
	}
	put := func(name string) (made bool, err error) {
		err = soon(t, func() error {
			return outfile.In(dir+"/"+name, func(d *outfile.Dir, base string) error {
				f, isNew, err := d.Append(base, 0o600)
				if err != nil {
					return err
				}
				made = isNew
				return errors.Join(write(f), f.Close())
			})
		})
		return made, err
	}
	for name, want := range map[string]error{
		"link": outfile.ErrLink, "hard": outfile.ErrHardLinks, "fifo": outfile.ErrNotRegular, "way/victim": outfile.ErrLink, "way/x": outfile.ErrLink,
	} {
		if _, err := put(name); !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", name, err, want)
		}
	}
	for i := range 2 {
		if made, err := put("x"); err != nil || made != (i == 0) {
			t.Errorf("made: %v, %v", made, err)
		}
	}
	if got, err := os.ReadFile(dir + "/x"); err != nil || string(got) != content+content {
		t.Errorf("the file has %q, %v", got, err)
	}
	if got, err := os.ReadFile(victim); err != nil || string(got) != canary {
		t.Errorf("the victim has %q, %v", got, err)
	}
}
