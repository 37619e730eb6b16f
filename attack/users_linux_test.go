package attack_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"dlx/internal/testutil"
)

// TestMemory: P8. A user who may call dlx through sudo starts many captures at once, each with as
// large a buffer as can be had.
func TestMemory(t *testing.T) {
	a := start(t, "P8: many captures at once, with large buffers", "capture --pipe by sudo")
	loud := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "chatter", testutil.Prog(t, "chatter")), Cmd: []string{"/chatter", "10"}})
	const each, limit = 64 << 10, 256 << 10 // KiB; what SECURITY.md promises
	env := []string{"SUDO_UID=54321", "SUDO_GID=54321", "SUDO_USER=somebody"}
	var mu sync.Mutex
	var inputs []io.Closer
	var group sync.WaitGroup
	live := 0
	for i := range 9 {
		size := each
		if i == 4 {
			size = 2 << 20
		}
		cmd := a.command(env, "capture", "--pipe", loud.ID, "-B", strconv.Itoa(size))
		input, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		output, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		a.tries++
		a.sessions++
		inputs = append(inputs, input)
		group.Go(func() {
			head := make([]byte, 4)
			if _, err := io.ReadFull(output, head); err == nil { // it captures
				mu.Lock()
				live += size
				mu.Unlock()
			}
			_, _ = io.Copy(io.Discard, output)
			_ = cmd.Wait()
		})
	}
	testutil.Wait(t, "captures to begin", endLimit, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return live > 0
	})
	for _, input := range inputs {
		_ = input.Close() // which ends the capture
	}
	group.Wait()
	if live > limit {
		t.Errorf("the captures took %d KiB together", live)
	}
}

// TestArchives: P9, and names that lead out. A toolbox that nobody has signed unpacks to a hundred
// times its size, or to other places.
func TestArchives(t *testing.T) {
	a := start(t, "P9: unsigned archives: a bomb; names with ../, links and devices", "toolbox verify, import, debug --toolbox")
	dir := t.TempDir()
	zeros := &tarFile{name: "bin/zero", size: 768 << 20} // dlx gets 512 MiB below
	outside := filepath.Join(dir, "outside")
	for name, files := range map[string][]*tarFile{
		"bomb.tar.zst": {zeros},
		"up.tar.zst":   {{name: "../outside", size: 5}, {name: "bin/../../outside", size: 5}, {name: outside, size: 5}},
		"link.tar.zst": {{name: "bin", link: dir}, {name: "bin/outside", size: 5}},
		"dev.tar.zst":  {{name: "bin/null", device: true}},
	} {
		file := filepath.Join(dir, name)
		writeTar(t, file, files)
		for _, args := range [][]string{{"toolbox", "verify", file}, {"toolbox", "import", file}, {"debug", "none", "--toolbox", file}} {
			a.tries++
			a.sessions++
			var errs bytes.Buffer
			cmd := a.command(nil, args...)
			// What is beyond the limit ends with a status of Go's. What the kernel tells of a
			// child's memory begins with that of the process it was forked from.
			cmd.Args = append([]string{"sh", "-c", `ulimit -d 524288 && exec "$@"`, "sh", cmd.Path}, cmd.Args[1:]...)
			cmd.Path = testutil.RequireTool(t, "sh")
			cmd.Stderr = &errs
			began := time.Now()
			err := cmd.Run()
			took := time.Since(began)
			if code := cmd.ProcessState.ExitCode(); code != 1 && code != 125 || took > 10*time.Second {
				t.Errorf("%q: %v after %v: %.500s", args, err, took, errs.String())
			}
			if _, err := os.Lstat(outside); err == nil {
				t.Errorf("%q wrote outside", args)
			}
			if names, err := filepath.Glob(a.state + "/toolboxes/*"); err != nil || len(names) > 0 {
				t.Errorf("%q kept %q, %v", args, names, err)
			}
		}
	}
}

// TestOwners: P10. Folders of keys and of toolboxes, and what lies there, belong to somebody else,
// or others may write to them.
func TestOwners(t *testing.T) {
	t.Parallel()
	a := start(t, "P10: folders of keys and toolboxes of somebody else, or that others may write to", "debug --toolbox, toolbox verify, list, import")
	home, box, env := a.toolbox()
	trusted := filepath.Join(home, "dlx", "trusted.d")
	key := filepath.Join(trusted, "k.pub")
	if r := a.runWith(env, "toolbox", "import", box); r.Code != 0 {
		t.Fatalf("toolbox import, of a key that is trusted: %+v", r)
	}
	store := filepath.Join(a.state, "toolboxes")
	for _, c := range []struct {
		path string
		uid  int
		mode os.FileMode // that others may write, where the owner is root
	}{
		{key, 1234, 0}, {key, 0, 0o666}, {trusted, 1234, 0}, {trusted, 0, 0o777}, {filepath.Dir(trusted), 1234, 0}, {home, 1234, 0},
		{store, 1234, 0}, {store, 0, 0o777}, {a.state, 1234, 0}, {a.state, 0, 0o777},
	} {
		info, err := os.Stat(c.path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Chown(c.path, c.uid, 0), os.Chmod(c.path, info.Mode()|c.mode)); err != nil {
			t.Fatal(err)
		}
		commands := [][]string{{"debug", "none", "--toolbox", "mine"}}
		if strings.HasPrefix(c.path, home) {
			commands = append(commands, []string{"toolbox", "verify", box}, []string{"toolbox", "import", box})
		}
		for _, args := range commands {
			a.tries++
			if r := a.runWith(env, args...); r.Code == 0 || !strings.Contains(r.Stderr, "not trusted") && !strings.Contains(r.Stderr, "others may write") {
				t.Errorf("%s of user %d, mode %v: %q: %+v", c.path, c.uid, info.Mode()|c.mode, args, r)
			}
		}
		if err := errors.Join(os.Chown(c.path, 0, 0), os.Chmod(c.path, info.Mode())); err != nil {
			t.Fatal(err)
		}
	}
	if r := a.runWith(env, "debug", "none", "--toolbox", "mine"); !strings.Contains(r.Stderr, "none") || strings.Contains(r.Stderr, "trusted") {
		t.Errorf("as it was in the beginning: %+v", r)
	}
}

// toolbox makes a toolbox and trusts its key, which lies below home, in the environment that it
// returns.
func (a *attack) toolbox() (home, box string, env []string) {
	a.Helper()
	home = a.TempDir()
	box = filepath.Join(a.TempDir(), "box.tar.zst")
	env = []string{"HOME=" + home, "XDG_CONFIG_HOME=" + home}
	trusted := filepath.Join(home, "dlx", "trusted.d")
	if err := os.MkdirAll(trusted, 0o755); err != nil {
		a.Fatal(err)
	}
	for _, args := range [][]string{
		{"toolbox", "keygen", home + "/k"},
		{"toolbox", "build", "--from-host", testutil.RequireTool(a, "busybox"), "--name", "mine", "--key", home + "/k.key", "-o", box},
	} {
		if r := a.runWith(env, args...); r.Code != 0 {
			a.Fatalf("%q: %+v", args, r)
		}
	}
	if err := os.Rename(home+"/k.pub", trusted+"/k.pub"); err != nil {
		a.Fatal(err)
	}
	return home, box, env
}

// TestQuota: P8. The folder in which captures of a user are counted is full, another user's, or has
// other things in their places.
func TestQuota(t *testing.T) {
	t.Parallel()
	a := start(t, "P8: the folder of quotas full, of another user, or with a link and a FIFO in their places", "capture by sudo")
	marker, check := a.marker()
	loud := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "chatter", testutil.Prog(t, "chatter")), Cmd: []string{"/chatter", "100"}})
	capture := []string{"capture", loud.ID, "--no-process", "-c", "1", "-B", "1024"}
	env := []string{"SUDO_UID=54321", "SUDO_GID=54321", "SUDO_USER=somebody"}
	a.begin()
	for what, script := range map[string]string{
		"full":          "mount -t tmpfs -o nr_inodes=1,mode=700 dlx-test /run/dlx",
		"another's":     "mount -t tmpfs -o uid=1234,mode=700 dlx-test /run/dlx",
		"writable":      "mount -t tmpfs -o mode=777 dlx-test /run/dlx",
		"a link":        `mount -t tmpfs -o mode=700 dlx-test /run/dlx; for f in $names; do ln -s "$marker" /run/dlx/$f; done`,
		"a FIFO":        "mount -t tmpfs -o mode=700 dlx-test /run/dlx; for f in $names; do mkfifo /run/dlx/$f; done",
		"a folder":      "mount -t tmpfs -o mode=700 dlx-test /run/dlx; for f in $names; do mkdir /run/dlx/$f; done",
		"what it ought": "mount -t tmpfs -o mode=700 dlx-test /run/dlx",
	} {
		a.tries++
		a.sessions++
		cmd := a.command(append(env, "marker="+marker, "names="+quotaNames), capture...)
		cmd.Args = append([]string{"unshare", "-m", "sh", "-ec", "mkdir -p -m 700 /run/dlx; " + script + `; exec "$@"`, "sh", cmd.Path}, cmd.Args[1:]...)
		cmd.Path = testutil.RequireTool(t, "unshare")
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		late := time.AfterFunc(endLimit, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		late.Stop()
		if works := err == nil && out.Len() > 0; works != (what == "what it ought") {
			t.Errorf("%s: %v: %s%s", what, err, out.String(), errs.String())
		}
		if !strings.Contains(errs.String(), "/run/dlx") && what != "what it ought" {
			t.Errorf("%s: the message does not name it: %s", what, errs.String())
		}
		check()
	}
}

// quotaNames are the files of quotas that a capture of user 54321 opens.
const quotaNames = "capture-54321"

type tarFile struct {
	name, link string
	size       int64
	device     bool
}

func writeTar(t *testing.T, file string, files []*tarFile) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewWriter(f)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Size: f.size, Mode: 0o755, Typeflag: tar.TypeReg, Linkname: f.link}
		switch {
		case f.link != "":
			h.Typeflag = tar.TypeSymlink
		case f.device:
			h.Typeflag, h.Devmajor, h.Devminor = tar.TypeChar, 1, 3
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(w, zeroes{}, f.size); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestRootless: a process in a user namespace of its own, of a user without privileges, grabs at a
// session by its PID.
func TestRootless(t *testing.T) {
	a := start(t, grabbing, "a user namespace of another user's, by pid://")
	marker, check := a.marker()
	dir := t.TempDir()
	prog := filepath.Join(dir, "grabber")
	if err := os.WriteFile(prog, testutil.Prog(t, "grabber").Data, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var out testutil.Output
	ids := []syscall.SysProcIDMap{{HostID: 100_000, Size: 65_536}}
	cmd := exec.Command(testutil.RequireTool(t, "busybox"), "sh", "-c", `busybox mount -t proc none /proc && exec "$0" "$1"`, prog, marker)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
		UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true, Credential: &syscall.Credential{},
	}
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	testutil.Wait(t, "the attack to begin", endLimit, func() bool { return strings.Contains(out.String(), "ready") })
	pid := "pid://" + strconv.Itoa(cmd.Process.Pid)
	a.begin()
	worked := 0
	for i := 0; a.more(); i++ {
		r := a.run("debug", pid, "--profile", profiles[i%len(profiles)], "--", "sleep", "0.1")
		if r.Code == 0 {
			worked++
		} else {
			t.Log(r.Stderr)
		}
		a.count(out.String())
		check()
	}
	if worked == 0 {
		t.Error("no session began: nothing was tried")
	}
	a.clean()
}
