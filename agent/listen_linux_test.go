package agent

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dlx/fault"
	"dlx/internal/testutil"
)

// TestListen: root and a group can connect, a second agent can not listen there, and what is no
// agent's is left alone.
func TestListen(t *testing.T) {
	testutil.RequireRoot(t)
	dir := filepath.Join(t.TempDir(), "run")
	path := filepath.Join(dir, "agent.sock")
	l, err := listen(path, "daemon")
	if err != nil {
		t.Fatal(err)
	}
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil || st.Mode&0o777 != 0o660 || st.Uid != 0 || st.Gid == 0 {
		t.Errorf("mode %o, user %d, group %d, %v", st.Mode, st.Uid, st.Gid, err)
	}
	if _, err := listen(path, ""); !errors.Is(err, fault.BadRequest) {
		t.Errorf("a second agent: %v, want fault.BadRequest", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}

	stale, err := net.Listen("unix", path) // as kill -9 leaves it
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false) //nolint:forcetypeassert // it is one
	if err := stale.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = listen(path, ""); err != nil {
		t.Fatalf("behind an agent that was killed: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}

	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(path, ""); !errors.Is(err, fault.BadRequest) {
		t.Errorf("another file: %v, want fault.BadRequest", err)
	}
	if text, err := os.ReadFile(path); string(text) != "mine" {
		t.Errorf("the file is %q, %v", text, err)
	}
	if _, err := listen(filepath.Join(dir, "b"), "no-such-group"); !errors.Is(err, fault.BadRequest) {
		t.Errorf("no such group: %v, want fault.BadRequest", err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(filepath.Join(dir, "c"), ""); !errors.Is(err, fault.Writable) {
		t.Errorf("a directory that others can write to: %v, want fault.Writable", err)
	}
}

// handedVariable has the test's program take the socket that systemd would hand over.
const handedVariable = "DLX_TEST_HANDED"

// TakeHanded answers one connection at a socket that was handed over.
func TakeHanded() (code int, asked bool) {
	if os.Getenv(handedVariable) == "" {
		return 0, false
	}
	l, err := listen("/nowhere/agent.sock", "")
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error())
		return 1, true
	}
	conn, err := l.Accept()
	if err != nil {
		return 1, true
	}
	_, _ = io.WriteString(conn, "here")
	_ = errors.Join(conn.Close(), l.Close())
	return 0, true
}

// TestHandedOver: the socket that systemd hands over is taken, and not removed.
func TestHandedOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.UnixListener).File() //nolint:forcetypeassert // it is one
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0"`, os.Args[0])
	cmd.Env = append(os.Environ(), handedVariable+"=1")
	cmd.ExtraFiles = []*os.File{f}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if said, err := io.ReadAll(conn); string(said) != "here" {
		t.Errorf("it said %q, %v", said, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("systemd's socket: %v", err)
	}
}
