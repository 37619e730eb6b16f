package attack_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"

	"dlx/internal/testutil"
)

// TestAccounts: P3, P11. What is in /etc becomes a FIFO, a link to the kernel's log, or a folder,
// and is a file again.
func TestAccounts(t *testing.T) {
	a := start(t, "P3: files of /etc and /etc itself swapped with FIFOs, links to /proc/kmsg and folders", "debug -u, ps")
	const users = "root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\nbad:x:4294967296:4294967296::/:/bin/sh\n"
	c := a.box(testutil.RunOptions{
		Image: testutil.Image(t, "racer", testutil.Prog(t, "racer"), testutil.Busybox(t),
			testutil.Data("/etc/passwd", users, 0o644), testutil.Data("/etc/group", "app:x:1000:\n", 0o644)),
		Cmd: []string{"/racer", "/etc", "/proc/kmsg"},
	})
	a.begin()
	for a.more() {
		for _, user := range []string{"app", "bad", "app:app"} {
			r := a.run("debug", c.ID, "--fs", "target", "-u", user, "--", "/bin/busybox", "id", "-u")
			if r.Code == 0 && r.Stdout != "1000\n" {
				t.Errorf("-u %s is %q", user, r.Stdout)
			}
		}
		a.run("ps")
		a.count(c.Logs())
	}
}

// TestInject: CVE-2018-15664. The folder that the toolbox is put in becomes a link to one of the
// host's.
func TestInject(t *testing.T) {
	a := start(t, "/.dlx swapped with a link to a host's folder", "inject, eject")
	marker, check := a.marker()
	host := filepath.Dir(marker)
	c := a.box(testutil.RunOptions{
		Image: testutil.Image(t, "swapper", testutil.Prog(t, "swapper")), Cmd: []string{"/swapper", "/.dlx", host},
	})
	a.begin()
	for a.more() {
		a.run("inject", c.ID)
		a.run("eject", c.ID)
		if names, err := os.ReadDir(host); err != nil || len(names) != 1 {
			t.Errorf("the host's folder holds %v, %v", names, err)
		}
		check()
		a.count(c.Logs())
	}
}

// TestEject: P12. The container swaps what was injected while it is taken out.
func TestEject(t *testing.T) {
	a := start(t, "P12: the toolbox's files swapped with FIFOs, links and folders", "eject")
	image := testutil.Image(t, "racer", testutil.Prog(t, "racer"), testutil.Dir("/etc", 0o755))
	a.begin()
	for swaps := 0; a.more(); swaps = a.tries {
		c := a.box(testutil.RunOptions{Image: image, Cmd: []string{"/racer", "/.dlx"}})
		if r := a.run("inject", c.ID); r.Code != 0 {
			t.Errorf("inject: %+v", r)
		}
		if r := a.run("eject", c.ID); r.Code != 0 && !strings.Contains(r.Stderr, "/.dlx") {
			t.Errorf("eject gave up: %+v", r)
		}
		a.tries = 0
		a.count(c.Logs())
		a.tries += swaps
		c.Remove()
		a.run("eject", "--all")
	}
}

// TestCaptureFiles: P5, P6, and renames. A container swaps the files that captures are written to,
// in its volume, with links to a host's file.
func TestCaptureFiles(t *testing.T) {
	for _, c := range []struct {
		on  string
		env []string
	}{{"capture -w by root", nil}, {"capture -w by sudo", []string{"SUDO_UID=1234", "SUDO_GID=1234", "SUDO_USER=somebody"}}} {
		t.Run(c.on, func(t *testing.T) {
			a := start(t, volumeRaced, c.on)
			v := a.volume("x")
			loud := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "chatter", testutil.Prog(t, "chatter")), Cmd: []string{"/chatter", "2000"}})
			if r := a.runWith(c.env, "capture", loud.ID, "-w", v.link, "--no-process", "-c", "3"); r.Code == 0 {
				t.Errorf("a link is written through: %+v", r)
			}
			v.check()
			v.race()
			a.begin()
			for i := 0; a.more(); i++ {
				args := []string{"capture", loud.ID, "-w", v.dir + "/x", "--no-process", "-c", "3"}
				if i%4 == 3 {
					args = []string{"capture", loud.ID, "-w", v.dir + "/x", "--no-process", "-C", "1", "-W", "3", "--duration", "2s"}
				}
				a.runWith(c.env, args...)
				v.check()
				a.count(v.box.Logs())
			}
		})
	}
}

// TestToolboxFiles: P5. The same while toolboxes, signatures and keys are written there.
func TestToolboxFiles(t *testing.T) {
	for on, sudo := range map[string][]string{
		"toolbox build, sign and keygen by root": nil, "toolbox build, sign and keygen by sudo": {"SUDO_UID=1234", "SUDO_GID=1234", "SUDO_USER=somebody"},
	} {
		t.Run(on, func(t *testing.T) {
			a := start(t, volumeRaced, on)
			home, box, env := a.toolbox()
			env = append(env, sudo...)
			small := t.TempDir() // which is packed in no time
			if err := os.WriteFile(small+"/x", []byte("x"), 0o755); err != nil {
				t.Fatal(err)
			}
			build := func(name string) []string { return []string{"toolbox", "build", "--from-dir", small, "-o", name} }
			v := a.volume("x.tar")
			v.target = filepath.Dir(v.target) // a folder's link leads to one of the host's
			for _, args := range [][]string{
				build(v.folder + "/x.tar"), build(v.folder + "/x"), {"toolbox", "keygen", v.folder + "/x"}, {"toolbox", "sign", v.link, "--key", home + "/k.key"},
			} {
				if r := a.runWith(env, args...); r.Code == 0 {
					t.Errorf("%q follows a link: %+v", args, r)
				}
				v.check()
			}
			v.race()
			a.begin()
			for i := 0; a.more(); i++ {
				a.runWith(env, build(v.dir+"/x.tar")...)
				a.runWith(env, "toolbox", "sign", v.dir+"/x.tar", "--key", home+"/k.key")
				a.runWith(env, "toolbox", "keygen", v.dir+"/k"+strconv.Itoa(i))
				v.check()
				a.count(v.box.Logs())
			}
			if r := a.runWith(env, "toolbox", "verify", box); r.Code != 0 {
				t.Errorf("another toolbox afterwards: %+v", r)
			}
		})
	}
}

const volumeRaced = "P5, P6: files and the folder of a volume swapped with links to a host's file, FIFOs and folders"

// volume is a container's, that somebody writes files to.
type volume struct {
	a      *attack
	dir    string // in which the container swaps them
	link   string // to the host's file: one that stays is what a race may give
	folder string // such a link to the host's folder
	target string // of the links of the race: the host's file
	check  func() // fails the test if that has changed, or is not alone in its folder
	box    *testutil.Container
}

func (a *attack) volume(file string) *volume {
	a.Helper()
	v := &volume{a: a}
	marker, check := a.marker()
	v.target, v.check = marker, func() {
		a.Helper()
		check()
		if names, err := os.ReadDir(filepath.Dir(marker)); err != nil || len(names) != 1 {
			a.Errorf("the host's folder holds %v, %v", names, err)
		}
	}
	top := a.TempDir()
	v.dir, v.link, v.folder = filepath.Join(top, "dir"), filepath.Join(top, "link"), filepath.Join(top, "folder")
	name := filepath.Join(v.dir, file)
	if err := errors.Join(os.Mkdir(v.dir, 0o755), os.Chmod(v.dir, 0o777), os.WriteFile(name, nil, 0o666), os.Chown(name, 1234, 1234),
		os.Symlink(marker, v.link), os.Symlink(filepath.Dir(marker), v.folder)); err != nil {
		a.Fatal(err)
	}
	return v
}

// race has the container begin.
func (v *volume) race() {
	v.a.Helper()
	v.box = v.a.box(testutil.RunOptions{
		Image: testutil.Image(v.a, "racer", testutil.Prog(v.a, "racer")), Cmd: []string{"/racer", "/vol/dir", v.target}, Binds: []string{filepath.Dir(v.dir) + ":/vol"},
	})
}

// othersLimit is how long a session of another container takes at most, whatever is left of one
// that can not be ended.
const othersLimit = 4 * time.Second

// TestMute: P3, P7. A file system of the container's takes every question and answers none.
func TestMute(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/fuse"); err != nil {
		testutil.SkipOrFail(t, "needs FUSE: "+err.Error())
	}
	pause := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause")), NetworkMode: testutil.SharedNetwork(t)})
	session := []string{"--timeout", "500ms", "--", "true"}
	for _, c := range []struct {
		on, script string
		flags      [][]string // of dlx debug
	}{
		{"/etc", "/mute /etc", [][]string{session, append([]string{"--fs", "target", "-u", "app"}, session...), append([]string{"--fs", "host"}, session...)}},
		{"its working directory", "/mute /sub", [][]string{append([]string{"-w", "/sub/x"}, session...)}},
		{"a folder of /dev", "busybox mkdir /dev/sub; /mute /dev/sub", [][]string{session, {"--timeout", "500ms", "--", "cat", "/dev/sub/x"}}},
		{"/dev", "/mute /dev", [][]string{session, append([]string{"--fs", "target"}, session...)}},
	} {
		t.Run(c.on, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			a := start(t, "a FUSE file system that never answers", "debug, ps, inject: "+c.on)
			box := a.box(testutil.RunOptions{
				Image: testutil.Image(t, "mute", testutil.Prog(t, "mute"), testutil.Busybox(t), testutil.Dir("/etc", 0o755), testutil.Dir("/sub", 0o755)),
				Cmd:   []string{"/bin/busybox", "sh", "-c", c.script}, Env: []string{"PATH=/bin"},
				CapAdd: []string{"SYS_ADMIN"}, SecurityOpt: unconfined,
				Change: func(_ *container.Config, h *container.HostConfig) {
					h.Devices = []container.DeviceMapping{{PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rwm"}}
				},
			})
			a.begin()
			commands := [][]string{{"ps"}, {"inject", box.ID}, {"eject", "--all"}}
			for _, flags := range c.flags {
				commands = append(commands, append([]string{"debug", box.ID}, flags...))
			}
			for _, args := range commands {
				a.tries++
				a.sessions++
				began := time.Now()
				r, _ := a.interrupt(time.Second, nil, args...)
				t.Logf("%q: %v, status %d, %s", args, time.Since(began), r.Code, r.Stderr)
			}
			began := time.Now()
			if r := a.run("debug", pause.ID, "--", "true"); r.Code != 0 {
				t.Errorf("a session of another container: %+v", r)
			}
			if took := time.Since(began); took > othersLimit {
				t.Errorf("a session of another container takes %v", took)
			}
		})
	}
}

// TestFIFO: P7. A capture that writes to a FIFO which nobody reads ends when it is asked to.
func TestFIFO(t *testing.T) {
	t.Parallel()
	a := start(t, "P7: a FIFO that nobody reads, or that is read no more", "capture -w")
	loud := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "chatter", testutil.Prog(t, "chatter")), Cmd: []string{"/chatter", "500"}})
	dir := t.TempDir()
	if err := errors.Join(syscall.Mkfifo(dir+"/x", 0o666), syscall.Mkfifo(dir+"/y", 0o666)); err != nil {
		t.Fatal(err)
	}
	r, err := os.OpenFile(dir+"/y", os.O_RDWR, 0) // which never reads
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, args := range [][]string{{"-w", dir + "/x"}, {"-w", dir + "/y"}, {"-w", "/dev/tty"}, {"-w", "/proc/self/fd/1"}} {
		a.tries++
		a.sessions++
		a.interrupt(time.Second, nil, append([]string{"capture", loud.ID, "--no-process"}, args...)...)
	}
}

// TestFullDisk: the disks of captures, of records and of toolboxes are full. What was begun is
// taken back.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	a := start(t, "a full disk of the host's", "capture -w, inject, eject, debug, toolbox import, build, sign")
	disk := a.disk("64k")
	loud := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "chatter", testutil.Prog(t, "chatter")), Cmd: []string{"/chatter", "500"}})
	if r := a.run("capture", loud.ID, "--no-process", "-w", disk+"/x", "-c", "1000"); r.Code == 0 || !strings.Contains(r.Stderr, "no space") {
		t.Errorf("capture: %+v", r)
	}
	home, box, env := a.toolbox()
	a.fullForToolboxes(home, box, env)
	a.state = disk
	if r := a.runWith(env, "toolbox", "import", box); r.Code == 0 || !strings.Contains(r.Stderr, "no space") {
		t.Errorf("toolbox import: %+v", r)
	}
	if names, err := filepath.Glob(disk + "/toolboxes/*[^k]"); err != nil || len(names) > 0 { // but for a lock
		t.Errorf("toolbox import left %q, %v", names, err)
	}
	for _, args := range [][]string{{"inject", loud.ID}, {"eject", loud.ID}, {"debug", loud.ID, "--", "true"}} {
		a.tries++
		if r := a.run(args...); args[0] == "inject" && r.Code == 0 {
			t.Errorf("%q: %+v", args, r)
		}
		if diff := loud.Diff(); len(diff) > 0 {
			t.Errorf("%q: the container has %q", args, diff)
		}
	}
}

// fullForToolboxes: what is written to a full disk is not there afterwards, and what it was to
// replace is whole.
func (a *attack) fullForToolboxes(home, box string, env []string) {
	a.Helper()
	info, err := os.Stat(box)
	if err != nil {
		a.Fatal(err)
	}
	disk := a.disk(strconv.FormatInt(info.Size()+32<<10, 10)) // a second one has no room
	signed := filepath.Join(disk, "box.tar.zst")
	data, err := os.ReadFile(box)
	if err = errors.Join(err, os.WriteFile(signed, data, 0o644)); err != nil {
		a.Fatal(err)
	}
	for _, args := range [][]string{
		{"toolbox", "sign", signed, "--key", home + "/k.key"},
		{"toolbox", "build", "--from-host", testutil.RequireTool(a, "busybox"), "-o", disk + "/new.tar"},
		{"toolbox", "build", "--from-host", testutil.RequireTool(a, "busybox"), "-o", disk + "/new"},
	} {
		a.tries++
		if r := a.runWith(env, args...); r.Code == 0 || !strings.Contains(r.Stderr, "no space") {
			a.Errorf("%q: %+v", args, r)
		}
		if names, err := os.ReadDir(disk); err != nil || len(names) != 1 {
			a.Errorf("%q: the disk has %v, %v", args, names, err)
		}
		if now, err := os.ReadFile(signed); err != nil || !bytes.Equal(now, data) {
			a.Errorf("%q: the toolbox that was there has %d bytes of %d, %v", args, len(now), len(data), err)
		}
	}
}

// disk is one of so many bytes.
func (a *attack) disk(size string) string {
	a.Helper()
	dir := a.TempDir()
	if err := syscall.Mount("dlx-test", dir, "tmpfs", syscall.MS_NODEV|syscall.MS_NOSUID, "size="+size); err != nil {
		a.Fatal(err)
	}
	a.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			a.Error(err)
		}
	})
	return dir
}
