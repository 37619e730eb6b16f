package savefile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dlx/internal/testutil"
)

const canary = "the host's"

// victim is a file that is not to be written to.
func victim(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(name, []byte(canary), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if got, err := os.ReadFile(name); err != nil || string(got) != canary {
			t.Errorf("the victim has %q, %v", got, err)
		}
	})
	return name
}

// opens takes a capture file, writes to it, and fails unless that comes to an end soon.
func opens(t *testing.T, o Options) error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		w, err := Open(o)
		if err == nil {
			_, err = w.Write(stream(3))
			err = errors.Join(err, w.Close())
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		t.Fatal("opening a file does not end")
		return nil
	}
}

// TestRefused: what was planted under the name of a capture file is not written to, whether root
// writes or root for a user.
func TestRefused(t *testing.T) {
	testutil.RequireRoot(t)
	const other = 4242
	tests := map[string]struct {
		plant func(t *testing.T, dir string) error // dir/x
		want  error
	}{
		"link":            {func(t *testing.T, dir string) error { return os.Symlink(victim(t), dir+"/x") }, ErrLink},
		"link to nothing": {func(t *testing.T, dir string) error { return os.Symlink(t.TempDir()+"/new", dir+"/x") }, ErrLink},
		"hard link":       {func(t *testing.T, dir string) error { return os.Link(victim(t), dir+"/x") }, ErrHardLinks},
		"FIFO":            {func(_ *testing.T, dir string) error { return syscall.Mkfifo(dir+"/x", 0o666) }, ErrNotRegular},
		"FIFO with a reader": {func(t *testing.T, dir string) error {
			err := syscall.Mkfifo(dir+"/x", 0o666)
			r, oerr := os.OpenFile(dir+"/x", os.O_RDONLY|syscall.O_NONBLOCK, 0)
			t.Cleanup(func() { r.Close() })
			return errors.Join(err, oerr)
		}, ErrNotRegular},
		"device": {func(_ *testing.T, dir string) error { return syscall.Mknod(dir+"/x", syscall.S_IFCHR|0o666, 1<<8|3) }, ErrNotRegular},
		"socket": {func(_ *testing.T, dir string) error { return syscall.Mknod(dir+"/x", syscall.S_IFSOCK|0o666, 0) }, ErrNotRegular},
		"another user's in a sticky directory": {func(_ *testing.T, dir string) error {
			return errors.Join(os.Chmod(dir, 0o777|os.ModeSticky), os.WriteFile(dir+"/x", []byte(canary), 0o666), os.Chown(dir+"/x", other, other))
		}, ErrOthers},
	}
	for name, tt := range tests {
		for _, owner := range []*Owner{nil, {UID: 1234, GID: 1234}} {
			t.Run(fmt.Sprint(name, " ", owner), func(t *testing.T) {
				dir := t.TempDir()
				if err := tt.plant(t, dir); err != nil {
					t.Fatal(err)
				}
				before, err := os.Stat(dir + "/x")
				if err := opens(t, Options{Name: dir + "/x", Owner: owner}); !errors.Is(err, tt.want) {
					t.Errorf("error %v, want %v", err, tt.want)
				}
				after, aerr := os.Stat(dir + "/x")
				if (err == nil) != (aerr == nil) || err == nil && before.Size() != after.Size() {
					t.Errorf("before %v, %v; after %v, %v", before, err, after, aerr)
				}
			})
		}
	}
}

// TestLinkOnTheWay: a directory that a link stands for is none.
func TestLinkOnTheWay(t *testing.T) {
	t.Chdir(t.TempDir())
	dir, target := t.TempDir(), t.TempDir()
	if err := os.Symlink(target, filepath.Join(dir, "sub")); err != nil {
		t.Fatal(err)
	}
	err := opens(t, Options{Name: filepath.Join(dir, "sub", "x")})
	if want := filepath.Join(dir, "sub") + " " + ErrLink.Error(); !errors.Is(err, ErrLink) || err.Error() != "write the capture: "+want {
		t.Errorf("error %v, want %s", err, want)
	}
	if err := opens(t, Options{Name: "/proc/self/cwd/x"}); !errors.Is(err, ErrLink) {
		t.Errorf("error %v, want ErrLink", err)
	}
	if names, err := os.ReadDir(target); err != nil || len(names) != 0 {
		t.Errorf("the link's directory has %v, %v", names, err)
	}
}

// TestRelative: a name without a directory, and one below it.
func TestRelative(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("a/b", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x", "./y", "a//b/x", "a/../z"} {
		if err := opens(t, Options{Name: name}); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(name); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	for _, name := range []string{"a/", "a/..", "a"} {
		if err := opens(t, Options{Name: name}); err == nil {
			t.Errorf("%s is written to", name)
		}
	}
}

// TestOwnFiles: the user's own file is written over, and so is one in a directory that only root
// may reach.
func TestOwnFiles(t *testing.T) {
	testutil.RequireRoot(t)
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"shared": 0o777 | os.ModeSticky, "closed": 0o700} {
		sub := filepath.Join(dir, name)
		if err := errors.Join(os.Mkdir(sub, 0o700), os.Chmod(sub, mode)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := opens(t, Options{Name: sub + "/x", Owner: &Owner{UID: 1234, GID: 1235}}); err != nil {
				t.Error(err)
			}
			info, err := os.Stat(sub + "/x")
			if err != nil {
				t.Fatal(err)
			}
			if st := info.Sys().(*syscall.Stat_t); st.Uid != 1234 || st.Gid != 1235 || info.Mode() != 0o600 || info.Size() != int64(len(stream(3))) {
				t.Errorf("%s: user %d, group %d, %v, %d bytes", name, st.Uid, st.Gid, info.Mode(), info.Size())
			}
		}
	}
}

// TestSwapped: while files are rotated, their directory is renamed, a link takes its place, and
// links the place of files to come.
func TestSwapped(t *testing.T) {
	outer, target := t.TempDir(), t.TempDir()
	dir := filepath.Join(outer, "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w, err := Open(Options{Name: filepath.Join(dir, "x"), MaxBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(dir, outer+"/moved"), os.Symlink(target, dir), os.Symlink(victim(t), outer+"/moved/x5")); err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(stream(100))
	if !errors.Is(err, ErrLink) {
		t.Errorf("error %v, want ErrLink", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if names, err := os.ReadDir(target); err != nil || len(names) != 0 {
		t.Errorf("the link's directory has %v, %v", names, err)
	}
	if names, err := filepath.Glob(outer + "/moved/x[0-4]"); err != nil || len(names) != 4 {
		t.Errorf("the directory has %v, %v", names, err)
	}
}

// TestDirectoryByTime: where the directory's name is one of time, each file is in its own.
func TestDirectoryByTime(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"05", "25", "45"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w, err := open(Options{Name: dir + "/%S/x", Every: 20 * time.Second}, func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(stream(50))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	for sub, want := range map[string]int{"05": 20, "25": 20, "45": 10} {
		if got := len(read(t, filepath.Join(dir, sub, "x"))); got != want {
			t.Errorf("%s: %d packets, want %d", sub, got, want)
		}
	}
}

// TestNoAnswer: a FUSE server that does not answer holds up no capture that is to end.
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
	if err := opens(t, Options{Name: dir + "/x", Done: done}); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("error %v, want ErrNoAnswer", err)
	}
}
