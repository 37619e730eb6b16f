package testutil

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/vishvananda/netlink"
)

const (
	// daemonStart bounds an engine's way to its first answer, on two busy cores.
	daemonStart = 60 * time.Second
	// daemonStop bounds its way down, which includes stopping its containerd.
	daemonStop = 20 * time.Second
)

// RemappedEngine starts a second Docker engine, with --userns-remap=default, whose containers have a user namespace. It
// shares nothing with the first one and is stopped, and its data removed, when the test ends.
func RemappedEngine(t testing.TB) *Engine {
	t.Helper()
	RequireRoot(t)
	RequireTool(t, "useradd") // dockerd adds the user dockremap with its subordinate IDs
	return startDaemon(t, "--userns-remap=default")
}

// startDaemon starts a dockerd of its own folders, socket and bridge, with args added.
func startDaemon(t testing.TB, args ...string) *Engine {
	t.Helper()
	dockerd := RequireTool(t, "dockerd")
	dir := daemonDir(t)
	config := filepath.Join(dir, "daemon.json") // instead of the first engine's
	if err := os.WriteFile(config, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	host := "unix://" + filepath.Join(dir, "docker.sock")
	args = append([]string{
		"--data-root=" + filepath.Join(dir, "data"), "--exec-root=" + filepath.Join(dir, "exec"),
		"--pidfile=" + filepath.Join(dir, "pid"), "--host=" + host, "--config-file=" + config,
		"--bridge=" + bridge(t), "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
	}, args...)
	ended, log := launch(t, dir, exec.Command(dockerd, args...))

	var e *Engine
	Wait(t, "the second engine to answer", daemonStart, func() bool {
		select {
		case <-ended:
			text, _ := os.ReadFile(log)
			t.Fatalf("dockerd ended at once:\n%s", text)
		default:
		}
		var err error
		e, err = connect(client.WithHost(host))
		return err == nil
	})
	t.Cleanup(e.close(t))
	return e
}

// launch starts cmd in a session of its own, so that a terminal's Ctrl-C does not reach it, and stops it by its PID when
// the test ends. It returns a channel that closes at its end, and its log.
func launch(t testing.TB, dir string, cmd *exec.Cmd) (<-chan struct{}, string) {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(daemonStop):
			_ = cmd.Process.Kill()
			<-ended
			t.Errorf("%s did not stop within %v", cmd.Path, daemonStop)
		}
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("log of %s:\n%s", cmd.Path, text)
		}
	})
	return ended, log.Name()
}

// daemonDir makes the engine's folder, which a remapped root must be able to pass through, and not on a /tmp that may be
// too small or be a tmpfs.
func daemonDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "dlx-test-engine-") //nolint:usetesting // the folders above t.TempDir are private
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(unmountBelow(dir), os.RemoveAll(dir)); err != nil {
			t.Errorf("remove the second engine's data: %v", err)
		}
	})
	return dir
}

// unmountBelow unmounts what an engine left mounted: it keeps the namespace file of a network, for one.
func unmountBelow(dir string) error {
	points, err := mountPoints(dir + "/")
	if err != nil {
		return err
	}
	var errs []error
	for _, point := range points {
		if err := syscall.Unmount(point, syscall.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("unmount %s: %w", point, err))
		}
	}
	return errors.Join(errs...)
}

// bridge makes a bridge for the engine, since one that has to do without takes docker0 away from the first engine.
func bridge(t testing.TB) string {
	t.Helper()
	link := &netlink.Bridge{LinkAttrs: netlink.NewLinkAttrs()}
	link.Name = unique("dlx")
	if err := netlink.LinkAdd(link); err != nil {
		t.Fatalf("add bridge %s: %v", link.Name, err)
	}
	t.Cleanup(func() {
		if err := netlink.LinkDel(link); err != nil {
			t.Errorf("delete bridge %s: %v", link.Name, err)
		}
	})
	// Any small network does, another for each test process: no container of it needs to reach anything else.
	addr, err := netlink.ParseAddr(fmt.Sprintf("172.31.%d.%d/29", rand.N(256), rand.N(32)*8+1))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(netlink.AddrAdd(link, addr), netlink.LinkSetUp(link)); err != nil {
		t.Fatalf("set up bridge %s: %v", link.Name, err)
	}
	return link.Name
}
