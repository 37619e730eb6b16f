package podman

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/target"
	"dlx/target/runtimetest"
)

// user is somebody's directory below that of a test.
type user struct {
	t   *testing.T
	uid int
	dir string
}

func (u user) own(path string) {
	u.t.Helper()
	if err := os.Lchown(path, u.uid, u.uid); err != nil {
		u.t.Fatal(err)
	}
}

func newUser(t *testing.T, users string, uid int) user {
	t.Helper()
	u := user{t, uid, filepath.Join(users, fmt.Sprint(uid))}
	if err := os.MkdirAll(filepath.Join(u.dir, "podman"), 0o755); err != nil {
		t.Fatal(err)
	}
	u.own(u.dir)
	u.own(filepath.Join(u.dir, "podman"))
	return u
}

// socket makes one at a path that belongs to an owner. The process that listens is the test's.
func (u user) socket(path string, owner int) net.Listener {
	u.t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { _ = l.Close() })
	if err := os.Chown(path, owner, owner); err != nil {
		u.t.Fatal(err)
	}
	return l
}

// TestSockets: of another user's directory only a socket of that user's is taken.
func TestSockets(t *testing.T) {
	testutil.RequireRoot(t)
	dir, err := os.MkdirTemp("", "dlx") //nolint:usetesting // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	root := filepath.Join(dir, "root.sock")
	users := filepath.Join(dir, "u")
	outside := filepath.Join(dir, "outside")
	good := newUser(t, users, 1001)
	good.socket(filepath.Join(good.dir, below), good.uid)
	good.socket(root, 0)
	other := good.socket(outside, 1002)
	refused := map[int]func(u user){
		1002: func(u user) { must(t, os.Symlink(outside, filepath.Join(u.dir, below))) },
		1003: func(u user) { u.socket(filepath.Join(u.dir, below), 1001) },
		1004: func(u user) {
			must(t, os.WriteFile(filepath.Join(u.dir, below), nil, 0o644))
			u.own(filepath.Join(u.dir, below))
		},
		1005: func(u user) {
			must(t, os.Remove(filepath.Join(u.dir, "podman")), os.Symlink(filepath.Dir(filepath.Join(good.dir, below)), filepath.Join(u.dir, "podman")))
		},
		1006: func(u user) {
			must(t, syscall.Mkfifo(filepath.Join(u.dir, below), 0o644))
			u.own(filepath.Join(u.dir, below))
		},
		1007: func(u user) { // a file system of its own, which may not answer, with a socket of the user's on it
			mount(t, filepath.Join(u.dir, "podman"), "tmpfs")
			u.socket(filepath.Join(u.dir, below), u.uid)
		},
		1008: func(u user) { must(t, os.RemoveAll(u.dir), os.Symlink(good.dir, u.dir)) },
		1009: func(u user) { // as 1007, for all that is the user's
			mount(t, u.dir, "hugetlbfs")
			newUser(t, users, u.uid).socket(filepath.Join(u.dir, below), u.uid)
		},
		1010: func(user) {},
	}
	for uid, put := range refused {
		put(newUser(t, users, uid))
	}
	must(t, os.Mkdir(filepath.Join(users, "name"), 0o755), os.Mkdir(filepath.Join(users, "-1"), 0o755))
	want := []Options{{root, 0}, {filepath.Join(good.dir, below), 1001}}
	if diff := cmp.Diff(want, sockets(0, root, users)); diff != "" {
		t.Errorf("for root (-want +got):\n%s", diff)
	}
	t.Setenv("XDG_RUNTIME_DIR", "")
	if diff := cmp.Diff(want[1:], sockets(1001, root, users)); diff != "" {
		t.Errorf("for the user (-want +got):\n%s", diff)
	}
	for uid := range refused {
		r := open(t, Options{filepath.Join(users, fmt.Sprint(uid), below), uid})
		if _, err := r.List(runtimetest.Bounded(t), target.Filter{}); !errors.Is(err, fault.NoRuntime) {
			t.Errorf("user %d: %v, want fault.NoRuntime", uid, err)
		}
	}
	must(t, other.(*net.UnixListener).SetDeadline(time.Now().Add(100*time.Millisecond)))
	if _, err := other.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a link led root to another socket: %v", err)
	}
	// What listens at the good one is root's process.
	r := open(t, want[1])
	if _, err := r.List(runtimetest.Bounded(t), target.Filter{}); !errors.Is(err, fault.NoRuntime) || !strings.Contains(err.Error(), "is of user 0, and not 1001") {
		t.Errorf("a process of root's: %v", err)
	}
}

func TestManyUsers(t *testing.T) {
	dir := t.TempDir()
	for uid := range maxUsers + 10 {
		must(t, os.Mkdir(filepath.Join(dir, fmt.Sprint(uid+1)), 0o755))
	}
	if n := len(users(dir)); n != maxUsers {
		t.Errorf("%d users are looked at, want %d", n, maxUsers)
	}
}

// TestOwner: the Podman of a user leads to processes in user namespaces of that user's alone, and
// to no directory.
func TestOwner(t *testing.T) {
	testutil.RequireRoot(t)
	other := open(t, Options{Owner: 1001})
	if other.most != userLimit {
		t.Errorf("a user's Podman may answer %d bytes, want %d", other.most, userLimit)
	}
	if other.owns(os.Getpid()) {
		t.Error("a process of root's is taken for a user's")
	}
	cmd := exec.Command(testutil.RequireTool(t, "unshare"), "--user", "cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1001, Gid: 1001}}
	stdin, err := cmd.StdinPipe()
	must(t, err, cmd.Start())
	defer func() { must(t, stdin.Close(), cmd.Wait()) }()
	testutil.Wait(t, "a user namespace of the user's", long, func() bool { return other.owns(cmd.Process.Pid) })
	if another := (&Runtime{options: Options{Owner: 1002}}); another.owns(cmd.Process.Pid) {
		t.Error("a user's process is taken for another user's")
	}
	c := &target.Info{Layers: target.Layers{Merged: "/etc", Upper: "/etc", Lower: []string{"/etc"}}}
	if layers, err := other.Rootfs(runtimetest.Bounded(t), c); err != nil || layers.Merged+layers.Upper != "" || layers.Lower != nil {
		t.Errorf("%+v, %v", layers, err)
	}
}

func mount(t *testing.T, dir, kind string) {
	t.Helper()
	if err := syscall.Mount("none", dir, kind, 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
