package engine_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/target"
	"dlx/target/containerd"
	"dlx/target/podman"
)

// resting is a container that has written to its layer and does not run any more.
type resting struct {
	ref   string
	image string // of which it is, as image://IMAGE
	dir   string // that it works in; "/"
	start func()
}

// stillBox makes an image's programs: a shell to look around with, and files to change.
func stillBox(t *testing.T) []testutil.Program {
	return []testutil.Program{
		testutil.Prog(t, "pause"), testutil.Busybox(t), testutil.Symlink("/bin/sh", "busybox"), testutil.Data("/etc/passwd", "app:x:1000:1000::/:/bin/sh\n", 0o644),
		testutil.Data("/image", "of the image\n", 0o600), testutil.Dir("/opt/dir", 0o750),
	}
}

// write has a running container's layer have something.
func write(t *testing.T, pid int) {
	t.Helper()
	root := fmt.Sprintf("/proc/%d/root", pid)
	err := errors.Join(os.WriteFile(root+"/made", []byte("made\n"), 0o600), os.Remove(root+"/image"), os.Mkdir(root+"/opt/more", 0o700))
	if err != nil {
		t.Fatal(err)
	}
}

func TestStillDocker(t *testing.T) {
	testutil.RequireRoot(t)
	docker := testutil.RequireDocker(t)
	image := testutil.Image(t, "still", stillBox(t)...)
	c := testutil.Run(t, testutil.RunOptions{
		Image: image, Env: []string{"DB_PORT=5432", "EVIL=\x1b[2J"}, User: "app", WorkingDir: "/opt", Hostname: "inside", Tmpfs: map[string]string{"/tmp": ""},
	})
	write(t, c.PID)
	c.Stop()
	gate := &recordingGate{refuses: func(op engine.Operation) error { return onlyDefaultDevices(op.Process.PID) }}
	e := localAt(t, docker.Host, engine.LocalOptions{State: t.TempDir(), Configs: []string{t.TempDir()}, Gate: gate})
	r := resting{c.Name, image, "/opt", c.Start}
	before := c.Diff()
	r.check(t, e)
	if after := c.Diff(); !slices.Equal(before, after) {
		t.Errorf("docker diff says %q, and said %q", after, before)
	}
	if inspect := c.Inspect(); inspect.State.Status != "exited" {
		t.Errorf("the container is %s", inspect.State.Status)
	}
	merged := c.Inspect().GraphDriver.Data["MergedDir"]
	if err := os.Mkdir(merged, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.run(t, e, engine.DebugRequest{}, "true"); !errors.Is(err, fault.NoStill) {
		t.Errorf("files that may be mounted: %v", err)
	}
	if err := os.Remove(merged); err != nil {
		t.Fatal(err)
	}
	data := c.Inspect().GraphDriver.Data
	work, on := filepath.Join(filepath.Dir(data["UpperDir"]), "work"), t.TempDir()
	if err := syscall.Mount("overlay", on, "overlay", 0, "index=off,lowerdir="+data["LowerDir"]+",upperdir="+data["UpperDir"]+",workdir="+work); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.run(t, e, engine.DebugRequest{}, "true"); !errors.Is(err, fault.NoStill) {
		t.Errorf("files that are mounted elsewhere: %v", err)
	}
	if err := syscall.Unmount(on, 0); err != nil {
		t.Fatal(err)
	}
	subjects := map[engine.Subject]bool{}
	for _, op := range gate.asked {
		subjects[op.Subject] = true
		if op.Process == nil || op.Process.PID == 0 {
			t.Errorf("%+v", op)
		}
	}
	if !subjects[engine.SubjectStopped] || !subjects[engine.SubjectImage] || len(subjects) != 2 {
		t.Errorf("the gate was asked about %v", subjects)
	}
	r.startsMeanwhile(t, e)
}

// onlyDefaultDevices looks at the rules for a process, which a session copies.
func onlyDefaultDevices(pid int) error {
	membership, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(membership)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if fields[1] != "devices" {
			continue
		}
		list, err := os.ReadFile("/sys/fs/cgroup/devices" + fields[2] + "/devices.list")
		if rules := string(list); err == nil && (strings.Contains(rules, "a *:* rwm") || strings.Contains(rules, "c *:* rwm") || !strings.Contains(rules, "c 1:3 rwm")) {
			err = fmt.Errorf("devices that it may open: %q", rules)
		}
		return err
	}
	return nil // version 2 has programs: TestAllowOnly
}

// TestStillLinks: an image whose mount points are links has nothing mounted where they lead.
func TestStillLinks(t *testing.T) {
	testutil.RequireRoot(t)
	docker := testutil.RequireDocker(t)
	image := testutil.Image(t, "links", testutil.Prog(t, "pause"), testutil.Data("/etc/own", "own\n", 0o644),
		testutil.Symlink("/proc", "/etc"), testutil.Symlink("/sys", "../../../.."), testutil.Symlink("/dev", "/etc"))
	e := localAt(t, docker.Host, engine.LocalOptions{State: t.TempDir(), Configs: []string{t.TempDir()}})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	r := resting{}
	out, _, err := r.run(t, e, engine.DebugRequest{Target: "image://" + image}, "ls /etc; test -c /dev/null; test -d /sys/class; readlink /proc/self >/dev/null && echo ok")
	if err != nil || out != "own\nok\n" {
		t.Errorf("%v, %q", err, out)
	}
}

// TestStillRemapped: numbers of users are those of the runtime's user namespace.
func TestStillRemapped(t *testing.T) {
	testutil.RequireRoot(t)
	docker := testutil.RemappedDocker(t)
	image := docker.Image(t, "still", stillBox(t)...)
	c := docker.Run(t, testutil.RunOptions{Image: image, User: "app", WorkingDir: "/opt"})
	writeAs(t, c)
	c.Stop()
	e := localAt(t, docker.Host, engine.LocalOptions{State: t.TempDir(), Configs: []string{t.TempDir()}})
	r := resting{c.Name, image, "/opt", c.Start}
	r.check(t, e)
	out, _, err := r.run(t, e, engine.DebugRequest{}, "cat /proc/1/uid_map; stat -c '%u %g' / /made; readlink /proc/self/ns/user")
	own, _ := os.Readlink("/proc/self/ns/user")
	if fields := strings.Fields(out); err != nil || len(fields) < 3 || fields[1] == "0" || !strings.Contains(out, "0 0\n0 0\n") || strings.Contains(out, own) {
		t.Errorf("%s, %v; the host's is %s", out, err, own)
	}
}

// writeAs is write where the container's root is another user here.
func writeAs(t *testing.T, c *testutil.Container) {
	t.Helper()
	write(t, c.PID)
	var st syscall.Stat_t
	root := fmt.Sprintf("/proc/%d/root", c.PID)
	if err := syscall.Stat(root+"/", &st); err != nil || st.Uid == 0 {
		t.Fatalf("user %d, %v", st.Uid, err)
	}
	if err := errors.Join(os.Chown(root+"/made", int(st.Uid), int(st.Gid)), os.Chown(root+"/opt/more", int(st.Uid), int(st.Gid))); err != nil {
		t.Fatal(err)
	}
}

func TestStillPodman(t *testing.T) {
	s := testutil.RequirePodman(t).Serve()
	image := s.Image("still", stillBox(t)...)
	c := s.Run(t, testutil.RunOptions{Image: image, Env: []string{"DB_PORT=5432"}, User: "app", WorkingDir: "/opt"}, "")
	write(t, c.PID())
	c.Stop()
	e := engine.NewLocal(engine.LocalOptions{Runtimes: []target.Runtime{podman.New(podman.Options{Socket: s.Socket})}, State: t.TempDir(), Configs: []string{t.TempDir()}})
	r := resting{"podman://" + c.Name(), image, "/opt", c.Start}
	r.check(t, e)
	r.startsMeanwhile(t, e)
}

func TestStillContainerd(t *testing.T) {
	testutil.RequireRoot(t)
	d := testutil.StartContainerd(t)
	const namespace = "dlx-test"
	image := d.Image(t, namespace, "still", stillBox(t)...)
	c := d.Run(t, testutil.CtrOptions{Namespace: namespace, Image: image, ID: "web", Env: []string{"DB_PORT=5432"}})
	write(t, c.PID)
	e := engine.NewLocal(engine.LocalOptions{Runtimes: []target.Runtime{containerd.New(containerd.Options{Socket: d.Socket})}, State: t.TempDir(), Configs: []string{t.TempDir()}})
	r := resting{"containerd://dlx-test/web", image, "/", c.Start}
	c.Kill()
	if _, _, err := r.run(t, e, engine.DebugRequest{}, "true"); !errors.Is(err, fault.NoStill) {
		t.Errorf("files that are still mounted: %v", err)
	}
	c.Stop()
	snapshots, leases := d.Ctr(t, namespace, "snapshots", "list"), d.Ctr(t, namespace, "leases", "list")
	r.check(t, e)
	if now := d.Ctr(t, namespace, "snapshots", "list"); now != snapshots {
		t.Errorf("snapshots:\n%s\nbefore:\n%s", now, snapshots)
	}
	if now := d.Ctr(t, namespace, "leases", "list"); now != leases {
		t.Errorf("leases:\n%s\nbefore:\n%s", now, leases)
	}
	r.startsMeanwhile(t, e)
}

// run runs a script with the toolbox on the container's files.
func (r *resting) run(t *testing.T, e engine.Engine, req engine.DebugRequest, script string) (out string, still *target.Still, err error) {
	t.Helper()
	if req.Target == "" {
		req.Target, req.Stopped = r.ref, true
	}
	req.Command = []string{"sh", "-c", script}
	var both bytes.Buffer
	code, err := e.Debug(within(t), req, engine.Streams{Stdout: &both, Stderr: &both, Still: func(s *target.Still) { still = s }})
	if err == nil && code != 0 {
		err = fmt.Errorf("exit status %d", code)
	}
	return both.String(), still, err
}

// changes is what a session does to every kind of file, and sees of it.
const changes = `
set -e
echo new >/new; echo more >>$1; test "$(tail -n 1 $1)" = more; chmod 777 $1; chown 5:5 $1; rm $1; test ! -e $1
mkdir /opt/dir/x; mv /opt/dir /opt/moved 2>/dev/null || cp -r /opt/dir /opt/moved; rm -r /opt/moved; ln -s x /opt/link; touch /etc/passwd; : >/etc/passwd
`

// check looks at the files, changes them, and looks at what became of the layers.
func (r *resting) check(t *testing.T, e engine.Engine) {
	t.Helper()
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	out, still, err := r.run(t, e, engine.DebugRequest{}, "cat /made; test -d /opt/more; ! test -e /image; pwd; id -u")
	if err != nil || out != "made\n"+r.dir+"\n0\n" {
		t.Errorf("files: %q, %v", out, err)
	}
	if still == nil || len(still.Dirs) < 2 {
		t.Fatalf("told %+v", still)
	}
	layers := digest(t, still.Dirs)
	if out, _, err := r.run(t, e, engine.DebugRequest{}, "set -- /made;"+changes); err != nil {
		t.Errorf("changes: %v, %s", err, out)
	}
	for _, req := range []engine.DebugRequest{{Profile: "sysadmin"}, {Profile: "restricted", Dir: "/"}, {ReadOnly: true}, {User: "app"}, {FS: engine.FSTarget}} {
		if out, _, err := r.run(t, e, req, "ls / >/dev/null; (: >/new) 2>/dev/null; true"); err != nil {
			t.Errorf("%+v: %v, %s", req, err, out)
		}
	}
	t.Run("alone", func(t *testing.T) { r.alone(t, e) })
	t.Run("image", func(t *testing.T) {
		image := engine.DebugRequest{Target: "image://" + r.image}
		if out, told, err := r.run(t, e, image, "cat /image; ! test -e /made; set -- /image;"+changes); err != nil || out != "of the image\n" || told == nil || told.End != nil || told.State != "" {
			t.Errorf("%v, %s, %+v", err, out, told)
		}
		for name, want := range map[string]fault.Kind{"image://dlx-test/none:1": fault.NoImage, "image://../containers": fault.BadTarget, "image:///x": fault.BadTarget} {
			if _, _, err := r.run(t, e, engine.DebugRequest{Target: name}, "true"); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
		for verb, do := range verbs(e) {
			if err := do(within(t), image.Target); verb != engine.VerbDebug && !errors.Is(err, fault.WrongTarget) {
				t.Errorf("%s of an image: %v", verb, err)
			}
		}
	})
	for _, req := range []engine.DebugRequest{{FS: engine.FSHost}, {Target: "image://" + r.image, FS: engine.FSHost}} {
		if _, _, err := r.run(t, e, req, "true"); !errors.Is(err, fault.BadFileSystem) {
			t.Errorf("the host's files, %+v: %v", req, err)
		}
	}
	if after := digest(t, still.Dirs); after != layers {
		t.Errorf("the layers have changed:\n%s\nbefore:\n%s", after, layers)
	}
}

// alone: nothing of the host's is there, and no more than a container has by default.
func (r *resting) alone(t *testing.T, e engine.Engine) {
	out, _, err := r.run(t, e, engine.DebugRequest{}, `
		test "$(ls /sys/class/net)" = lo && cat /sys/class/net/lo/operstate
		cut -d' ' -f5 /proc/self/mountinfo | grep -v -e '^/dev' -e '^/proc' -e '^/sys' | sort | uniq
		(tr '\0' '\n' </proc/1/cmdline); ls /proc | grep -c '^[0-9]'
		for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/kernel/hostname /sys/kernel/uevent_helper; do (: >$f) 2>/dev/null && echo $f; done
		cat /proc/kcore /proc/keys 2>/dev/null | wc -c
		mknod /x b 254 0 2>/dev/null && cat /x 2>/dev/null | head -c 1
		chroot / /bin/busybox true; echo end`)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err != nil || len(lines) != 6 || lines[1] != "/" || lines[2] != "dlx-standin" || lines[4] != "0" || lines[5] != "end" {
		t.Errorf("%v, %q", err, lines)
	}
	status, _, err := r.run(t, e, engine.DebugRequest{}, "grep -e CapBnd -e Seccomp: /proc/1/status")
	if err != nil || strings.Join(strings.Fields(status), " ") != "CapBnd: 00000000a80425fb Seccomp: 2" && strings.Join(strings.Fields(status), " ") != "CapBnd: 00000000a80405fb Seccomp: 2" {
		t.Errorf("%v, %s", err, status)
	}
	if _, _, err := r.run(t, e, engine.DebugRequest{}, "kill -9 1; kill -TERM 1; kill -STOP 1; sleep 0.1; cat /proc/1/stat | grep -v ' T '"); err != nil {
		t.Errorf("after signals from inside: %v", err)
	}
}

// startsMeanwhile: a container that is started while its files are shown is told of, and takes no
// harm.
func (r *resting) startsMeanwhile(t *testing.T, e engine.Engine) {
	t.Helper()
	began := make(chan struct{})
	in, out := newPipe(t)
	ready := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		req := engine.DebugRequest{Target: r.ref, Stopped: true, Command: []string{"sh", "-c", "read line; cat /made >/dev/null && : >/of-the-session"}}
		code, err := e.Debug(within(t), req, engine.Streams{Stdin: in, Started: func() { close(ready) }, Began: func() { close(began) }})
		if err == nil && code != 0 {
			err = fmt.Errorf("exit status %d", code)
		}
		ended <- err
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	r.start()
	select {
	case <-began:
	case err := <-ended:
		t.Fatalf("the start was not told of: %v", err)
	}
	out.Close()
	if err := <-ended; err != nil {
		t.Errorf("the session: %v", err)
	}
	if _, _, err := r.run(t, e, engine.DebugRequest{}, "true"); !errors.Is(err, fault.Running) {
		t.Errorf("one that runs: %v", err)
	}
	var both bytes.Buffer
	code, err := e.Debug(within(t), engine.DebugRequest{Target: r.ref, Command: []string{"sh", "-c", "cat /made; test ! -e /of-the-session"}}, engine.Streams{Stdout: &both, Stderr: &both})
	if err != nil || code != 0 || both.String() != "made\n" {
		t.Errorf("the container afterwards: %d, %v, %s", code, err, both.String())
	}
}

func newPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	return r, w
}

// digest is what of some directories a write to them would change.
func digest(t *testing.T, dirs []string) string {
	t.Helper()
	var all strings.Builder
	for i, dir := range dirs {
		sum := sha256.New()
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			var st syscall.Stat_t
			if err := syscall.Lstat(path, &st); err != nil {
				return err
			}
			st.Atim = syscall.Timespec{}
			fmt.Fprintf(sum, "%s %+v\n", path, st)
			if d.Type().IsRegular() {
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				sum.Write(data)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%d %x\n", i, sum.Sum(nil))
	}
	return all.String()
}
