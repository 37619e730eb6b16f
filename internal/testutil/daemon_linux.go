package testutil

import (
	"errors"
	"fmt"
	"io/fs"
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
	// daemonStart bounds Docker's way to its first answer, on two busy cores.
	daemonStart = 60 * time.Second
	// daemonStop bounds its way down, which includes stopping its containerd.
	daemonStop = 20 * time.Second
)

// Daemon is a Docker of a test's own, which shares nothing with the first one. It is
// stopped, and its data removed, when the test ends.
type Daemon struct {
	*Docker
	t   testing.TB
	cmd *exec.Cmd // its arguments, to start it by again
	dir string
	now *service
}

// RemappedDocker starts one with --userns-remap=default, whose containers have a user namespace.
func RemappedDocker(t testing.TB) *Docker {
	t.Helper()
	RequireTool(t, "useradd") // dockerd adds the user dockremap with its subordinate IDs
	return StartDocker(t, "--userns-remap=default").Docker
}

// StartDocker starts one with folders, socket and bridge of its own, and args added.
func StartDocker(t testing.TB, args ...string) *Daemon {
	t.Helper()
	RequireRoot(t)
	dockerd := RequireTool(t, "dockerd")
	dir := daemonDir(t, "docker")
	config := filepath.Join(dir, "daemon.json") // instead of the first one's
	if err := os.WriteFile(config, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	host := "unix://" + filepath.Join(dir, "docker.sock")
	args = append([]string{
		"--data-root=" + filepath.Join(dir, "data"), "--exec-root=" + filepath.Join(dir, "exec"),
		"--pidfile=" + filepath.Join(dir, "pid"), "--host=" + host, "--config-file=" + config,
		"--bridge=" + bridge(t), "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
	}, args...)
	d := &Daemon{t: t, cmd: exec.Command(dockerd, args...), dir: dir}
	t.Cleanup(func() { d.now.stop(t) })
	d.start(host)
	t.Cleanup(d.close(t))
	return d
}

// start starts it, and connects to it the first time.
func (d *Daemon) start(host string) {
	d.t.Helper()
	d.now = launch(d.t, d.dir, exec.Command(d.cmd.Path, d.cmd.Args[1:]...))
	Wait(d.t, "the test's Docker to answer", daemonStart, func() bool {
		select {
		case <-d.now.ended:
			text, _ := os.ReadFile(d.now.log)
			d.t.Fatalf("dockerd ended at once:\n%s", text)
		default:
		}
		docker, err := connect(client.WithHost(host))
		if err != nil {
			return false
		}
		if d.Docker != nil {
			return docker.Client.Close() == nil
		}
		d.Docker = docker
		return true
	})
}

// Signal sends it a signal: it can be stopped, let go on, and killed.
func (d *Daemon) Signal(sig syscall.Signal) {
	d.t.Helper()
	if err := d.now.cmd.Process.Signal(sig); err != nil {
		d.t.Errorf("signal the test's Docker: %v", err)
	}
}

// Restart waits for the end of one that was killed, and starts it again. Its containers run on if
// it has --live-restore.
func (d *Daemon) Restart() {
	d.t.Helper()
	<-d.now.ended
	// The kernel ends its containerd with it (prctl(2), PR_SET_PDEATHSIG); it would take whatever
	// has their numbers by then, or a zombie, for them.
	for _, name := range []string{"pid", "exec/containerd/containerd.pid"} {
		if err := os.Remove(filepath.Join(d.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.t.Error(err)
		}
	}
	d.start(d.Host)
}

// service is a process in a session of its own, so that a terminal's Ctrl-C does not reach it.
type service struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed at its end
	log   string        // the file of its output
}

func launch(t testing.TB, dir string, cmd *exec.Cmd) *service {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid = true
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &service{cmd, make(chan struct{}), log.Name()}
	go func() {
		_ = cmd.Wait()
		close(s.ended)
	}()
	return s
}

// stop ends it by its PID, and shows its log if the test failed. It is nil if it was never started.
func (s *service) stop(t testing.TB) {
	if s == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(daemonStop):
		_ = s.cmd.Process.Kill()
		<-s.ended
		t.Errorf("%s did not stop within %v", s.cmd.Path, daemonStop)
	}
	if t.Failed() {
		text, _ := os.ReadFile(s.log)
		t.Logf("log of %s:\n%s", s.cmd.Path, text)
	}
}

// daemonDir makes a runtime's folder. A remapped root must be able to pass through it. It is not
// on /tmp, which may be too small or a tmpfs.
func daemonDir(t testing.TB, runtime string) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "dlx-test-"+runtime+"-") //nolint:usetesting // the folders above t.TempDir are private
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(unmountBelow(dir), os.RemoveAll(dir)); err != nil {
			t.Errorf("remove the data of the test's %s: %v", runtime, err)
		}
	})
	return dir
}

// unmountBelow unmounts what a runtime left mounted, such as a network's namespace file.
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

// bridge makes a bridge for Docker. Without one it would take docker0 from the first Docker.
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
	// Each test process has a small network of its own. No container in it needs to reach anything.
	addr, err := netlink.ParseAddr(fmt.Sprintf("172.31.%d.%d/29", rand.N(256), rand.N(32)*8+1))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(netlink.AddrAdd(link, addr), netlink.LinkSetUp(link)); err != nil {
		t.Fatalf("set up bridge %s: %v", link.Name, err)
	}
	return link.Name
}
