package engine_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dlx/capture"
	"dlx/capture/filter"
	"dlx/engine"
	"dlx/inject"
	"dlx/internal/cgroup"
	"dlx/internal/testutil"
)

// Each test here plays an attack of a hostile container.
// Its comment names the defence without which it fails.

const attackLimit = 60 * time.Second

func newLocal(t *testing.T) *engine.Local {
	t.Helper()
	testutil.RequireRoot(t)
	e := localAt(t, testutil.RequireDocker(t).Host, engine.LocalOptions{State: t.TempDir()})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func run(t *testing.T, e engine.Engine, req engine.DebugRequest) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), attackLimit)
	defer cancel()
	var out testutil.Output
	code, err := e.Debug(ctx, req, engine.Streams{Stdout: &out, Stderr: &out})
	if err != nil {
		t.Fatalf("debug: %v, output %s", err, out.String())
	}
	return code, out.String()
}

// report is a line of what the programs attacker and watcher print.
type report struct {
	Ready                 bool
	PID, Try, Path, Error string
	Args, Cwd, Exe        string
	Status                map[string]string
	FDs                   map[string]string
}

func reports(t *testing.T, c *testutil.Container) []report {
	t.Helper()
	var list []report
	for line := range strings.Lines(c.Logs()) {
		var r report
		if err := json.Unmarshal([]byte(line), &r); err == nil {
			list = append(list, r)
		}
	}
	return list
}

func waitReady(t *testing.T, c *testutil.Container) {
	t.Helper()
	testutil.Wait(t, "the attack to begin", attackLimit, func() bool { return strings.Contains(c.Logs(), "ready") })
}

// TestAttackPrograms: a container that may even trace the session attacks its programs.
// It overwrites them through /proc/PID/exe (CVE-2019-5736), and looks for host files
// above the session's descriptors and working directory (CVE-2024-21626). Defences:
// sealed memfd and toolbox, close_range, chdir.
func TestAttackPrograms(t *testing.T) {
	e := newLocal(t)
	marker := filepath.Join(t.TempDir(), "marker")
	if err := os.WriteFile(marker, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	image := testutil.Image(t, "attacker", testutil.Prog(t, "attacker"))
	t.Chdir(filepath.Dir(marker))
	before := selfDigest(t)
	c := testutil.Run(t, testutil.RunOptions{
		Image: image, NetworkMode: testutil.SharedNetwork(t),
		CapAdd: []string{"SYS_PTRACE"}, Env: []string{"DLX_TEST_HOST_FILE=" + marker},
	})
	waitReady(t, c)
	tried := func(exe string) bool {
		for _, r := range reports(t, c) {
			if r.Try == "overwrite" && strings.Contains(r.Path, exe) {
				return true
			}
		}
		return false
	}
	for range 3 {
		run(t, e, engine.DebugRequest{Target: c.ID, Command: []string{"sleep", "1"}})
	}
	testutil.Wait(t, "tries to overwrite both programs", attackLimit, func() bool { return tried("memfd:dlx-init") && tried("/dev/.dlx/bin/") })
	for _, r := range reports(t, c) {
		if (r.Try == "overwrite" || r.Try == "reach") && r.Error == "" {
			t.Errorf("%s of %s worked", r.Try, r.Path)
		}
	}
	if !bytes.Equal(before, selfDigest(t)) {
		t.Error("this program was overwritten")
	}
	if code, out := run(t, e, engine.DebugRequest{Target: c.ID, Command: []string{"sh", "-c", "echo whole"}}); code != 0 || out != "whole\n" {
		t.Errorf("a session after the attack: status %d, %q", code, out)
	}
}

func selfDigest(t *testing.T) []byte {
	t.Helper()
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return h.Sum(nil)
}

// TestAttackVisibility: a container that watches its pid namespace never sees a process of the
// session with more than the session's privileges, another working directory, or a descriptor of a
// host's file. The defence is the order of Spawn.
func TestAttackVisibility(t *testing.T) {
	e := newLocal(t)
	const baseline = 0xa80425fb // Docker's default capabilities
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "watcher", testutil.Prog(t, "watcher")), NetworkMode: testutil.SharedNetwork(t)})
	waitReady(t, c)
	for range 40 {
		run(t, e, engine.DebugRequest{Target: c.ID, Profile: "baseline", Command: []string{"true"}})
	}
	run(t, e, engine.DebugRequest{Target: c.ID, Profile: "baseline", Command: []string{"sleep", "1"}})
	sightings := 0
	for _, r := range reports(t, c) {
		if r.Status == nil {
			continue
		}
		sightings++
		for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
			caps, err := strconv.ParseUint(r.Status[set], 16, 64)
			if err != nil || caps&^baseline != 0 {
				t.Errorf("process %s (%s) was seen with %s %s, %v", r.PID, r.Args, set, r.Status[set], err)
			}
		}
		if r.Status["NoNewPrivs"] != "1" || r.Cwd != "" && r.Cwd != "/" {
			t.Errorf("process %s (%s) was seen with no_new_privs %s, working directory %q", r.PID, r.Args, r.Status["NoNewPrivs"], r.Cwd)
		}
		for fd, to := range r.FDs {
			if strings.HasPrefix(to, "/") && !harmless(to) {
				t.Errorf("process %s (%s) was seen with descriptor %s of %s", r.PID, r.Args, fd, to)
			}
		}
	}
	if sightings < 2 {
		t.Errorf("the container saw %d states of the sessions; it can not have looked", sightings)
	}
}

// harmless says whether a path is the container's or the session's. Go's runtime reads in /sys.
func harmless(path string) bool {
	for _, prefix := range []string{"/memfd:dlx-init", "/dev/.dlx/", "/proc/", "/sys/kernel/mm/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// TestAttackMemory: a container that may trace the session reads its first process's environment
// and memory from before it executes its program. The defence is the keeper: it has nothing of
// dlx's to leave there.
func TestAttackMemory(t *testing.T) {
	secret := "secret-" + rand.Text()
	t.Setenv("DLX_TEST_SECRET", secret)
	e := newLocal(t)
	c := testutil.Run(t, testutil.RunOptions{
		Image: testutil.Image(t, "peeker", testutil.Prog(t, "peeker")), Cmd: []string{"/peeker", secret}, NetworkMode: testutil.SharedNetwork(t), CapAdd: []string{"SYS_PTRACE"},
	})
	waitReady(t, c)
	for range 40 {
		run(t, e, engine.DebugRequest{Target: c.ID, Command: []string{"true"}})
	}
	run(t, e, engine.DebugRequest{Target: c.ID, Command: []string{"sleep", "1"}})
	before, after := 0, 0
	for _, r := range reports(t, c) {
		switch {
		case r.Path != "":
			t.Errorf("process %s (%s) was seen with dlx's own %s", r.PID, r.Args, r.Path)
		case r.Args == cgroup.KeeperName:
			before++
		case r.PID != "":
			after++
		}
	}
	if after == 0 {
		t.Error("the container saw no session; it can not have looked")
	}
	t.Logf("%d processes were seen before they executed their program", before)
}

// TestAttackToolbox: the toolbox can not be changed from inside, not even with every capability.
// The defence is the overlay without an upper layer, which no remount makes writable.
func TestAttackToolbox(t *testing.T) {
	e := newLocal(t)
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause"))})
	script := `mount -o remount,rw /dev/.dlx; mount -o remount,rw,bind /dev/.dlx; mount -o remount,rw /dev
(echo x >/dev/.dlx/bin/new) && echo made
(echo x >>/dev/.dlx/bin/dlx-tools) && echo changed
rm /dev/.dlx/bin/dlx-tools && echo removed
exit 0`
	for _, profile := range []string{"general", "sysadmin"} {
		_, out := run(t, e, engine.DebugRequest{Target: c.ID, Profile: profile, Command: []string{"sh", "-c", script}})
		for _, bad := range []string{"made", "changed", "removed"} {
			if strings.Contains(out, bad+"\n") {
				t.Errorf("profile %s: the toolbox was %s:\n%s", profile, bad, out)
			}
		}
	}
}

// TestAttackInject: /.dlx is swapped for a link to a host's directory while the toolbox is placed
// and taken out (CVE-2018-15664). The defences are held descriptors, names that are made new, and
// links that are not followed.
func TestAttackInject(t *testing.T) {
	e := newLocal(t)
	host := t.TempDir()
	if err := os.WriteFile(filepath.Join(host, "kept"), []byte("kept"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := testutil.Run(t, testutil.RunOptions{
		Image: testutil.Image(t, "swapper", testutil.Prog(t, "swapper")), NetworkMode: testutil.SharedNetwork(t),
		Cmd: []string{"/swapper", "/.dlx", host},
	})
	waitReady(t, c)
	refused := 0
	for range 25 {
		if _, err := e.Inject(t.Context(), engine.InjectRequest{Target: c.ID}); err != nil {
			refused++
		}
		_, _ = e.Eject(t.Context(), engine.EjectRequest{Target: c.ID}) // whatever it says, the host stays as it was
	}
	names, err := os.ReadDir(host)
	if data, rerr := os.ReadFile(filepath.Join(host, "kept")); err != nil || rerr != nil || len(names) != 1 || string(data) != "kept" {
		t.Errorf("the host's directory holds %v, %q, %v", names, data, errors.Join(err, rerr))
	}
	t.Logf("%d of 25 injections were refused", refused)
}

// TestAttackUpperDir: a container mounts an overlay of its own whose upperdir= is a path of the
// host's, and makes it its root. The defence is that layers come from the runtime's API and are
// compared with the process's root.
func TestAttackUpperDir(t *testing.T) {
	e := newLocal(t)
	host := t.TempDir()
	script := strings.ReplaceAll(`set -e
busybox mkdir -p HOST /m /low
busybox mount -t tmpfs none /low
busybox mkdir -p /low/l/bin /low/w
busybox cp /bin/busybox /low/l/bin/busybox
busybox mount -t tmpfs none HOST
busybox mkdir HOST/work HOST/up
busybox mount -t overlay none -o lowerdir=/low/l,upperdir=HOST/up,workdir=HOST/work /m
echo ready
exec busybox chroot /m /bin/busybox sleep 1000`, "HOST", host)
	if err := os.Mkdir(filepath.Join(host, "up"), 0o755); err != nil {
		t.Fatal(err)
	}
	c := testutil.Run(t, testutil.RunOptions{
		Image: testutil.Image(t, "overlay", testutil.Busybox(t)), NetworkMode: testutil.SharedNetwork(t),
		CapAdd: []string{"SYS_ADMIN"}, SecurityOpt: []string{"seccomp=unconfined", "apparmor=unconfined"},
		Cmd: []string{"/bin/busybox", "sh", "-c", "PATH=/bin; " + script},
	})
	waitReady(t, c)
	testutil.Wait(t, "the container's forged mount table", attackLimit, func() bool { return strings.Contains(c.MountInfo(), "upperdir="+host) })
	testutil.Wait(t, "the container's forged root", attackLimit, func() bool {
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.PID))
		return err == nil && strings.HasPrefix(string(command), "/bin/busybox\x00sleep")
	})
	_, err := e.Inject(t.Context(), engine.InjectRequest{Target: c.ID})
	if !errors.Is(err, inject.ErrNoLayer) {
		t.Errorf("inject: %v, want ErrNoLayer", err)
	}
	if names, err := os.ReadDir(filepath.Join(host, "up")); err != nil || len(names) != 0 {
		t.Errorf("the host's directory holds %v, %v", names, err)
	}
}

// A container's files name addresses, ports and protocols (its /etc/hosts is the runtime's, with
// the host name). With these a capture could leave out what the container wants left out. Names are
// looked up in the machine's files, before a namespace is entered.
func TestAttackNames(t *testing.T) {
	e := newLocal(t)
	etc := t.TempDir()
	for name, content := range map[string]string{
		"services": "dlx-inside 4242/tcp\n", "protocols": "dlx-inside 6 DLX\n",
		"networks": "dlx-inside 10\n", "ethers": "02:00:00:00:00:01 dlx-inside\n",
	} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := testutil.Run(t, testutil.RunOptions{
		Image: testutil.Image(t, "pause", testutil.Prog(t, "pause")), Hostname: "dlx-inside", Binds: []string{etc + ":/etc"},
	})
	for _, expr := range []string{
		"host dlx-inside", "port dlx-inside", "ip proto dlx-inside", "net dlx-inside", "ether host dlx-inside",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), attackLimit)
		stats, err := e.Capture(ctx, engine.CaptureRequest{Targets: []string{c.ID}, Filter: expr, Count: 1}, capture.ToWriter(io.Discard))
		cancel()
		if _, ok := errors.AsType[*filter.Error](err); !ok {
			t.Errorf("%s: %+v, %v, want an error of the filter", expr, stats, err)
		}
	}
}
