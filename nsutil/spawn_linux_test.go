package nsutil_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/testutil"
	"dlx/nsutil"
)

const busybox = "/bin/busybox"

func open(t *testing.T, pid int) *nsutil.Process {
	t.Helper()
	p, err := nsutil.Open(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// spawn runs the host's busybox, sealed, in the process's namespaces and returns what it printed.
func spawn(t *testing.T, p *nsutil.Process, creds nsutil.Credentials, args ...string) (string, linux.WaitStatus, error) {
	t.Helper()
	return spawnIn(t, p, creds, nil, args...)
}

// spawnIn does so in a version 2 cgroup.
func spawnIn(t *testing.T, p *nsutil.Process, creds nsutil.Credentials, cgroup *linux.FD, args ...string) (string, linux.WaitStatus, error) {
	t.Helper()
	program := sealed(t)
	ns, err := p.MountNamespace()
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	root, err := p.Root()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	null, err := linux.OpenRead(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	r, w, err := linux.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out := r.File("output")
	defer out.Close()
	spec := nsutil.Spec{
		Process: p, Join: nsutil.All, MountNS: ns, Root: root, Creds: creds, Cgroup: cgroup,
		Program: program, Args: append([]string{"busybox"}, args...), Env: []string{"PATH=/bin"},
		Stdio: [3]*linux.FD{null, w, w},
	}
	plan, err := spec.Plan()
	if err != nil {
		t.Fatal(err)
	}
	pid, err := plan.Fork()
	w.Close()
	if err != nil {
		return "", 0, err
	}
	text, err := io.ReadAll(out)
	if err != nil {
		t.Error(err)
	}
	ws, err := linux.Wait(pid)
	return string(text), ws, err
}

func sealed(t *testing.T) *linux.FD {
	t.Helper()
	program, err := linux.SealedProgram("busybox", func(w io.Writer) error {
		f, err := os.Open(busybox)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return program
}

// namespaces returns what /proc/PID/ns says, in the form that ls prints.
func namespaces(t *testing.T, pid int) map[string]string {
	t.Helper()
	m := map[string]string{}
	for _, name := range []string{"user", "mnt", "net", "pid", "uts", "ipc", "cgroup"} {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, name))
		if err != nil {
			t.Fatal(err)
		}
		m[name] = link
	}
	return m
}

func checkSpawn(t *testing.T, pid int) {
	t.Helper()
	p := open(t, pid)
	creds := nsutil.Credentials{NoNewPrivs: true}
	out, ws, err := spawn(t, p, creds, "sh", "-c",
		"for n in user mnt net pid uts ipc cgroup; do echo $n $(busybox readlink /proc/self/ns/$n); done; echo id $(busybox id -u)")
	if err != nil || ws != 0 {
		t.Fatalf("spawn: %v, status %#x, output:\n%s", err, int(ws), out)
	}
	want := namespaces(t, pid)
	got := map[string]string{}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		got[name] = value
	}
	want["id"] = "0"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("namespaces of the child (-want +got):\n%s", diff)
	}
}

// TestSpawnNamespaces spawns into every combination of namespaces that Docker makes.
func TestSpawnNamespaces(t *testing.T) {
	testutil.RequireRoot(t)
	testutil.RequireDocker(t)
	image := testutil.Image(t, "spawn", testutil.Prog(t, "pause"), testutil.Busybox(t))
	other := testutil.Run(t, testutil.RunOptions{Image: image})
	tests := map[string]testutil.RunOptions{
		"plain":                 {},
		"userns=host":           {UsernsMode: "host"},
		"pid=host":              {PidMode: "host"},
		"network=host":          {NetworkMode: "host"},
		"network=container:X":   {NetworkMode: "container:" + other.ID},
		"pid=container:X":       {PidMode: "container:" + other.ID},
		"ipc=host":              {IpcMode: "host"},
		"uts=host":              {UTSMode: "host"},
		"cgroupns=private":      {CgroupnsMode: "private"},
		"read-only":             {ReadOnly: true},
		"cap-drop and no-new-p": {CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges"}},
		"multithreaded init":    {Cmd: []string{"/threads"}},
	}
	threads := testutil.Image(t, "threads", testutil.Prog(t, "threads"), testutil.Busybox(t))
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			opts.Image = image
			if opts.Cmd != nil {
				opts.Image = threads
			}
			if opts.NetworkMode == "" && name != "plain" { // which has a network of its own
				opts.NetworkMode = testutil.SharedNetwork(t)
			}
			checkSpawn(t, testutil.Run(t, opts).PID)
		})
	}
}

// TestSpawnUserNamespace needs the forked, single-threaded child: no thread here could join.
func TestSpawnUserNamespace(t *testing.T) {
	testutil.RequireRoot(t)
	docker := testutil.RemappedDocker(t)
	image := docker.Image(t, "userns", testutil.Prog(t, "pause"), testutil.Busybox(t))
	c := docker.Run(t, testutil.RunOptions{Image: image})
	p := open(t, c.PID)
	if err := p.Do(nsutil.User|nsutil.Net, func() error { return nil }); err == nil {
		t.Error("Do joined a user namespace")
	}
	differ, err := p.Differing()
	if err != nil || differ&nsutil.User == 0 {
		t.Fatalf("differing: %v, %v; want user among them", differ, err)
	}
	checkSpawn(t, c.PID)
	uid, gid, err := p.HostIDs(0, 0)
	if err != nil || uid == 0 || gid == 0 {
		t.Errorf("HostIDs(0, 0) = %d, %d, %v; want those of the remapped root", uid, gid, err)
	}
	if _, _, err := p.HostIDs(1<<31, 0); !errors.Is(err, fault.UnmappedID) {
		t.Errorf("HostIDs(1<<31, 0): %v, want fault.UnmappedID", err)
	}
}

func TestSpawnCredentials(t *testing.T) {
	testutil.RequireRoot(t)
	testutil.RequireDocker(t)
	image := testutil.Image(t, "creds", testutil.Prog(t, "pause"), testutil.Busybox(t))
	c := testutil.Run(t, testutil.RunOptions{Image: image})
	p := open(t, c.PID)
	caps := linux.Caps(linux.CapKill, linux.CapNetRaw)
	tests := map[string]struct {
		creds nsutil.Credentials
		want  string
	}{
		"root with two capabilities": {
			nsutil.Credentials{Caps: caps, NoNewPrivs: true, Groups: []uint32{7}},
			fmt.Sprintf("Uid:0 0 0 0;Gid:0 0 0 0;Groups:7;CapInh:%016x;CapPrm:%016[2]x;CapEff:%016[2]x;CapBnd:%016[2]x;CapAmb:%016[1]x;NoNewPrivs:1;", 0, uint64(caps)),
		},
		"user with a bounding set": {
			nsutil.Credentials{UID: 65532, GID: 65533, Caps: caps},
			fmt.Sprintf("Uid:65532 65532 65532 65532;Gid:65533 65533 65533 65533;Groups:;CapInh:%016x;CapPrm:%016[1]x;CapEff:%016[1]x;CapBnd:%016[2]x;CapAmb:%016[1]x;NoNewPrivs:0;", 0, uint64(caps)),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out, _, err := spawn(t, p, tt.creds, "sh", "-c",
				"while read k a b c d; do case $k in Uid:|Gid:|Groups:|Cap*|NoNew*) busybox echo -n $k$a${b:+ $b}${c:+ $c}${d:+ $d}\\;;; esac; done </proc/self/status")
			if diff := cmp.Diff(tt.want, out); err != nil || diff != "" {
				t.Errorf("error %v, credentials (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestSpawnDescriptors fails without close_range: this test process has more descriptors open than
// the child may get.
func TestSpawnDescriptors(t *testing.T) {
	testutil.RequireRoot(t)
	testutil.RequireDocker(t)
	image := testutil.Image(t, "fds", testutil.Prog(t, "pause"), testutil.Busybox(t))
	c := testutil.Run(t, testutil.RunOptions{Image: image})
	leak, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer leak.Close()
	if err := linux.Inherit(leak); err != nil {
		t.Fatal(err)
	}
	out, _, err := spawn(t, open(t, c.PID), nsutil.Credentials{}, "sh", "-c", "busybox ls /proc/$$/fd; busybox readlink /proc/$$/cwd")
	if want := "0\n1\n2\n/\n"; err != nil || out != want {
		t.Errorf("descriptors and working directory of the child: %q, %v; want %q", out, err, want)
	}
}

func TestSpawnErrors(t *testing.T) {
	testutil.RequireRoot(t)
	testutil.RequireDocker(t)
	image := testutil.Image(t, "errors", testutil.Prog(t, "pause"))
	c := testutil.Run(t, testutil.RunOptions{Image: image})
	p := open(t, c.PID)
	t.Run("argument with NUL", func(t *testing.T) {
		if _, _, err := spawn(t, p, nsutil.Credentials{}, "a\x00b"); err == nil {
			t.Error("no error")
		}
	})
	t.Run("gone process", func(t *testing.T) {
		ns, err := p.MountNamespace()
		if err != nil {
			t.Fatal(err)
		}
		ns.Close()
		c.Remove()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := p.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		if err := p.Alive(); !errors.Is(err, nsutil.ErrGone) {
			t.Errorf("Alive: %v, want ErrGone", err)
		}
		if err := p.Do(nsutil.Net, func() error { return nil }); !errors.Is(err, nsutil.ErrGone) {
			t.Errorf("Do: %v, want ErrGone", err)
		}
		if _, err := nsutil.Open(c.PID); !errors.Is(err, nsutil.ErrGone) {
			t.Errorf("Open: %v, want ErrGone", err)
		}
	})
}

// TestSpawnInCgroup starts a child inside a version 2 cgroup: at /sys/fs/cgroup, or at its
// "unified" in the hybrid layout.
func TestSpawnInCgroup(t *testing.T) {
	testutil.RequireRoot(t)
	testutil.RequireDocker(t)
	root := "/sys/fs/cgroup"
	if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err != nil {
		root = filepath.Join(root, "unified")
	}
	if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err != nil {
		testutil.SkipOrFail(t, "no cgroup version 2 is mounted")
	}
	name := fmt.Sprintf("dlx-test-%d", os.Getpid())
	dir := filepath.Join(root, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	defer func() {
		testutil.Wait(t, "the cgroup to be empty", time.Minute, func() bool { return os.Remove(dir) == nil })
	}()
	group, err := linux.OpenPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "cgroup", testutil.Prog(t, "pause"), testutil.Busybox(t))})
	out, _, err := spawnIn(t, open(t, c.PID), nsutil.Credentials{}, group, "cat", "/proc/self/cgroup")
	if err != nil || !strings.Contains(out, "0::/"+name+"\n") && !strings.Contains(out, "0::/../"+name) {
		t.Errorf("the child is in %q, %v", out, err)
	}
}
