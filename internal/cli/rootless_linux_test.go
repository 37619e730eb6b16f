package cli_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/internal/testutil"
)

// rootlessLimit bounds what the tests wait for.
const rootlessLimit = 30 * time.Second

// rootless is a user with a Podman and a dlx, and no privileges.
type rootless struct {
	*testutil.PodmanService
	dlx   string
	image string // of a web server
	pause string // of what does nothing
}

// TestRootless: an ordinary user debugs, captures and injects in their own containers.
func TestRootless(t *testing.T) {
	for name, podman := range map[string]func(testing.TB) *testutil.Podman{
		"one user": testutil.RequireRootlessPodman, "subordinate users": testutil.RequireSubordinatePodman,
	} {
		t.Run(name, func(t *testing.T) {
			r := &rootless{PodmanService: podman(t).Serve()}
			r.dlx = filepath.Join(r.Dir(), "dlx") // the checkout may be in somebody's home
			program, err := os.ReadFile(testutil.BuildDlx(t))
			if err == nil {
				err = os.WriteFile(r.dlx, program, 0o755)
			}
			if err != nil {
				t.Fatal(err)
			}
			r.image, r.pause = r.Image("web", testutil.Prog(t, "web")), r.Image("pause", testutil.Prog(t, "pause"))
			web := r.Run(t, testutil.RunOptions{Image: r.image}, "")
			t.Run("debug", func(t *testing.T) { r.debug(t, web.Name()) })
			t.Run("capture", func(t *testing.T) { r.capture(t, web) })
			t.Run("grabbed", func(t *testing.T) { r.grabbed(t, web.Name()) })
			if name == "one user" {
				return // nothing else depends on the other users that there are
			}
			t.Run("refused", func(t *testing.T) { r.refused(t, web.Name()) })
			t.Run("devices", r.devices)
			t.Run("killed", func(t *testing.T) { r.killed(t, web.Name()) })
			t.Run("inject", func(t *testing.T) { r.inject(t, web) })
			t.Run("nested", r.nested)
			t.Run("doctor", func(t *testing.T) {
				out := r.want(t, 0, "doctor")
				if !strings.Contains(out, "in the user namespace of this user's containers") || !strings.Contains(out, "sessions have no limits") {
					t.Errorf("it says\n%s", out)
				}
			})
		})
	}
}

// want runs dlx as the user and returns all that it prints. It ends with a status.
func (r *rootless) want(t *testing.T, status int, args ...string) string {
	t.Helper()
	res := testutil.Collect(t, r.As(r.dlx, args...))
	if res.Code != status {
		t.Errorf("dlx %s: status %d, want %d:\n%s%s", strings.Join(args, " "), res.Code, status, res.Stdout, res.Stderr)
	}
	return res.Stdout + res.Stderr
}

// has checks that an output has some texts.
func has(t *testing.T, out string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("no %q in\n%s", text, out)
		}
	}
}

func (r *rootless) debug(t *testing.T, name string) {
	out := r.want(t, 0, "debug", "-v", name, "--", "sh", "-c", "id; cat /proc/1/comm; cat /proc/self/status; echo x > /dev/null; head -c 3 /dev/zero | wc -c")
	has(t, out, "uid=0", "\nweb\n", "NoNewPrivs:\t1", "Seccomp:\t2", "no limit of memory and processes", "devices the usual ones", "\n3\n")
	has(t, r.want(t, 0, "debug", name, "--", "true"), "nothing limits the session's memory and processes")
	has(t, r.want(t, 0, "debug", "--fs", "host", name, "--", "sh", "-c", "echo $$; hostname; ls -d /proc/1"), "/proc/1")
	r.want(t, 7, "debug", name, "--", "sh", "-c", "exit 7")
	r.want(t, 137, "debug", name, "--", "sh", "-c", "kill -9 $$")
	r.want(t, 127, "debug", name, "--", "nosuch")
	has(t, r.want(t, 1, "debug", "--read-only", name, "--", "sh", "-c", "echo x > /x"), "Read-only file system")
	out = r.want(t, 0, "debug", "--profile", "sysadmin", name, "--", "grep", "CapEff", "/proc/self/status")
	has(t, out, "CapEff:\t000001f")
	has(t, r.want(t, 0, "ps"), name, "podman")
	has(t, r.want(t, 0, "capture", "-D", name), "lo")
}

// refused is what takes root, and who is not the user.
func (r *rootless) refused(t *testing.T, name string) {
	const hint = "\nhint: run dlx as root"
	has(t, r.want(t, 125, "debug", "--memory", "64m", name, "--", "true"), "this user may make no control group", "\nhint: leave the limit out")
	has(t, r.want(t, 125, "debug", "--pids-limit", "10", name, "--", "true"), "this user may make no control group")
	has(t, r.want(t, 125, "debug", "--device", "/dev/kmsg", name, "--", "true"), "no permission to give a session a device", hint)
	has(t, r.want(t, 125, "debug", "pid://1", "--", "true"), "no permission to look into process 1", hint)
	has(t, r.want(t, 125, "debug", "nosuch", "--", "true"), `no container "nosuch"`)
	has(t, r.want(t, 125, "debug", "--stopped", name, "--", "true"), "no permission to have a process stand", hint)
	host := r.Run(t, testutil.RunOptions{Image: r.pause, NetworkMode: "host"}, "")
	has(t, r.want(t, 1, "capture", "--duration", "1s", host.Name()), "no permission to capture in the network of "+host.Name(), hint)
	r.want(t, 0, "debug", host.Name(), "--", "true")
	host.Remove()

	docker := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause"))}) // root's
	has(t, r.want(t, 125, "debug", "pid://"+strconv.Itoa(docker.PID), "--", "true"), "no permission to look into process", hint)
	has(t, r.want(t, 125, "debug", docker.Name, "--", "true"), "no container")
}

// devices: a session opens the usual nodes alone. The defences are that every mount of its view is
// nodev, and that the usual nodes are the machine's and no other device.
func (r *rootless) devices(t *testing.T) {
	c := r.Run(t, testutil.RunOptions{Image: r.image, Devices: []string{"/dev/zero:/dev/other"}}, "")
	script := "ls -l /dev/other; head -c 1 /dev/other; for n in null zero full random urandom; do : < /dev/$n || echo $n fails; done; ls /dev"
	for _, fs := range []string{"toolbox", "host"} {
		script := script
		if fs == "host" {
			script = "head -c 1 /dev/fuse; : < /dev/null && echo opened"
		}
		out := r.want(t, 0, "debug", "--fs", fs, c.Name(), "--", "sh", "-c", script)
		has(t, out, "ermission denied")
		if strings.Contains(out, "fails") {
			t.Errorf("a usual device is not there:\n%s", out)
		}
	}
	c.Remove()
}

// processes are those of the user's whose command line has one of some words.
func (r *rootless) processes(words ...string) (found []string) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != r.UID() {
			continue
		}
		line, err := os.ReadFile(dir + "/cmdline")
		if err != nil {
			continue
		}
		text := "\x00" + string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})) // which begins with a word
		if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) }) {
			found = append(found, filepath.Base(dir))
		}
	}
	return found
}

// killed: nothing of a session stays, whoever is killed: the dlx that the user started, or the one
// that is root of the namespace. Without a control group the session's processes are found by their
// mount namespace, which is the defence.
func (r *rootless) killed(t *testing.T, name string) {
	const mark = "31415"
	for _, kill := range []string{"outer", "inner", "both", "told"} {
		t.Run(kill, func(t *testing.T) {
			cmd := r.As(r.dlx, "debug", name, "--", "sh", "-c", "setsid sleep "+mark+" & sleep "+mark)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			testutil.Wait(t, "the session", rootlessLimit, func() bool { return len(r.processes("\x00sleep "+mark+" ")) == 2 })
			pids := r.processes("\x00" + r.dlx + " debug")
			if len(pids) != 2 {
				t.Fatalf("dlx is %d processes, want 2", len(pids))
			}
			for _, p := range pids {
				pid, _ := strconv.Atoi(p)
				outer := pid == cmd.Process.Pid
				switch {
				case kill == "told" && outer:
					_ = syscall.Kill(pid, syscall.SIGTERM)
				case kill == "both", kill == "outer" && outer, kill == "inner" && !outer:
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
			_ = cmd.Wait()
			testutil.Wait(t, "everything to end", rootlessLimit, func() bool { return len(r.processes(mark, "\x00"+r.dlx, "dlx-keeper", "dlx-init")) == 0 })
		})
	}
}

func (r *rootless) inject(t *testing.T, c *testutil.PodmanContainer) {
	changes := func() string {
		t.Helper()
		out, err := r.Command("diff", c.Name()).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	before := changes()
	exec := func() {
		t.Helper()
		out, err := r.Command("exec", c.Name(), "/.dlx/bin/sh", "-c", "echo from the toolbox").CombinedOutput()
		if err != nil || string(out) != "from the toolbox\n" {
			t.Errorf("podman exec: %v, %s", err, out)
		}
	}
	has(t, r.want(t, 0, "inject", c.Name()), "try: podman exec -it "+c.Name()+" /.dlx/bin/sh")
	exec()
	has(t, r.want(t, 0, "eject", c.Name()), "taken out of "+c.Name())
	c.Stop()
	has(t, r.want(t, 0, "inject", c.Name()), "toolbox placed")
	c.Start()
	exec()
	has(t, r.want(t, 0, "eject", "--all"), "taken out of "+c.Name())
	if after := changes(); after != before {
		t.Errorf("the container has changed:\n%s\nbefore:\n%s", after, before)
	}
	records, err := filepath.Glob(filepath.Join(r.Dir(), ".local/state/dlx/journal/*"))
	if err != nil || len(records) != 1 || filepath.Base(records[0]) != "lock" {
		t.Errorf("the journal has %v, %v", records, err)
	}
}

func (r *rootless) capture(t *testing.T, c *testutil.PodmanContainer) {
	file := filepath.Join(r.Dir(), "x.pcapng")
	var errOut bytes.Buffer
	cmd := r.As(r.dlx, "capture", "-w", file, "-c", "4", c.Name())
	cmd.Stderr = &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	testutil.Wait(t, "the file", rootlessLimit, func() bool { _, err := os.Stat(file); return err == nil })
	r.want(t, 0, "debug", c.Name(), "--", "sh", "-c", "ping -c 3 127.0.0.1")
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("capture: %v: %s", err, errOut.String())
		}
	case <-time.After(rootlessLimit):
		_ = cmd.Process.Kill()
		t.Fatal("the capture does not end")
	}
	info, err := os.Stat(file)
	if err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != r.UID() {
		t.Errorf("the file is not the user's: %v", err)
	}
	has(t, r.want(t, 0, "capture", "-r", file), "127.0.0.1", "ICMP")
	live := exec.Command(r.dlx) // printed by the parser, which has no other user to become
	live = r.As(live.Path, "capture", "-c", "2", c.Name())
	out, err := live.StdoutPipe()
	if err == nil {
		err = live.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	printer := func() []string { return r.processes("dlx-print ") }
	testutil.Wait(t, "dlx-print", rootlessLimit, func() bool { return len(printer()) == 1 })
	testutil.Wait(t, "dlx-print to give up what it has", rootlessLimit, func() bool {
		status, err := os.ReadFile("/proc/" + printer()[0] + "/status")
		return err == nil && bytes.Contains(status, []byte("CapEff:\t0000000000000000")) && bytes.Contains(status, []byte("Seccomp:\t2"))
	})
	pinged := make(chan bool)
	go func() {
		defer close(pinged)
		_ = r.As(r.dlx, "debug", c.Name(), "--", "ping", "-c", "10", "127.0.0.1").Run()
	}()
	var text bytes.Buffer
	if _, err := text.ReadFrom(out); err != nil {
		t.Error(err)
	}
	if err := live.Wait(); err != nil {
		t.Errorf("capture: %v", err)
	}
	has(t, text.String(), "ICMP")
	<-pinged
}

// grabbed: a container that shares the host's processes, and is the same user as dlx, reaches for
// what dlx's hold: the user's files are below their root directories. The defence is that what
// takes packets apart, and has no more capabilities than a container, can not be traced.
func (r *rootless) grabbed(t *testing.T, name string) {
	marker := filepath.Join(r.Dir(), "secret")
	if err := errors.Join(os.WriteFile(marker, []byte("marker"), 0o644), os.Chown(marker, r.UID(), r.UID())); err != nil {
		t.Fatal(err)
	}
	const captures = 5
	image := r.Image("grabber", testutil.Prog(t, "grabber"))
	c := r.Run(t, testutil.RunOptions{Image: image, Cmd: []string{"/grabber", marker, strconv.Itoa(os.Getpid())}, PidMode: "host"}, "")
	defer c.Remove()
	tries := func() string {
		out, err := r.Command("logs", c.Name()).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	for range captures {
		live := r.As(r.dlx, "capture", "-n", name)
		if err := live.Start(); err != nil {
			t.Fatal(err)
		}
		testutil.Wait(t, "dlx-print", rootlessLimit, func() bool { return len(r.processes("dlx-print ")) == 1 })
		before := len(tries())
		testutil.Wait(t, "tries", rootlessLimit, func() bool { return len(tries()) > before })
		_ = live.Process.Signal(syscall.SIGTERM)
		_ = live.Wait()
	}
	for line := range strings.Lines(tries()) {
		if strings.Contains(line, "got ") {
			t.Errorf("the container got %s", line)
		}
	}
}

// nested: containers in user namespaces below the user's own.
func (r *rootless) nested(t *testing.T) {
	for mode, want := range map[string]string{"keep-id": " 0 "} {
		c := r.Run(t, testutil.RunOptions{Image: r.pause, UsernsMode: mode}, "")
		has(t, r.want(t, 0, "debug", c.Name(), "--", "sh", "-c", "id -u; cat /proc/self/uid_map; echo x > /x && rm /x"), "0\n", want)
		c.Remove()
	}
	c := r.Run(t, testutil.RunOptions{Image: r.pause, User: "1000"}, "")
	has(t, r.want(t, 0, "debug", "-u", "1000", c.Name(), "--", "id"), "uid=1000")
	c.Remove()
}
