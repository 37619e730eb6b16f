package attack_test

import (
	"archive/tar"
	"bytes"
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
	zeros := &tarFile{name: "bin/zero", size: 2 << 30}
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
			// What is beyond the limit ends with a status of Go's. What the kernel tells of a child's
			// memory begins with that of the process it was forked from.
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
	a := start(t, "/proc/PID/exe, map_files, fd, cwd and root of dlx, its keeper and the session", "a user namespace of another user's, by pid://")
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
	var out lockedBuffer
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

// lockedBuffer is what a program prints while the test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
