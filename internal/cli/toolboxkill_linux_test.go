package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"dlx/internal/testutil"
	"dlx/toolbox"
)

// shelf is a test's own store of toolboxes, with a key trusted there and bundles to import.
type shelf struct {
	t    *testing.T
	dir  string // of the store
	key  *toolbox.PrivateKey
	work string
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	ownState(t)
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	key, err := toolbox.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.Public()
	if err != nil {
		t.Fatal(err)
	}
	text, err := public.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	trusted := filepath.Join(config, "dlx", toolbox.TrustedName)
	if err := errors.Join(os.MkdirAll(trusted, 0o755), os.WriteFile(filepath.Join(trusted, "team.pub"), text, 0o644)); err != nil {
		t.Fatal(err)
	}
	return &shelf{t, filepath.Join(os.Getenv("DLX_STATE_DIR"), "toolboxes"), key, t.TempDir()}
}

// bundle writes the signed archive of a toolbox of so many MiB.
func (s *shelf) bundle(name string, size int) string {
	s.t.Helper()
	b := toolbox.Builder{Name: name, Version: "1", Arch: runtime.GOARCH}
	for i, data := range mebibytes(size) {
		b.Add(fmt.Sprintf("share/%03d", i), data, 0o644, toolbox.Source{})
	}
	box, err := b.Bundle()
	if err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(s.work, name+".tar")
	f, err := os.Create(file)
	if err != nil {
		s.t.Fatal(err)
	}
	err = box.Sign(s.key)
	if err == nil {
		_, err = box.WriteTo(f)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// mebibytes are contents of 1 MiB each that no compression makes smaller.
func mebibytes(n int) [][]byte {
	list := make([][]byte, n)
	random := rand.NewChaCha8([32]byte{})
	for i := range list {
		list[i] = make([]byte, 1<<20)
		_, _ = random.Read(list[i]) // never fails
	}
	return list
}

// killed starts a command, kills it (SIGKILL) as soon as reached says so, and reports whether it
// did before the command had ended by itself.
func killed(t *testing.T, cmd *exec.Cmd, reached func() bool) bool {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	ended := false
	testutil.Wait(t, "a moment to kill "+strings.Join(cmd.Args[1:3], " "), killLimit, func() bool {
		ended = len(done) > 0
		return ended || reached()
	})
	if !ended {
		_ = cmd.Process.Kill() // it may have ended just now
	}
	if err := <-done; err != nil && cmd.ProcessState.Exited() {
		t.Fatalf("%v: %v: %s", cmd.Args, err, &stderr)
	}
	return !cmd.ProcessState.Exited()
}

// unfinished is the size of the file, or of those in the folder, that a command is writing into
// dir; -1 if there is none.
func unfinished(t *testing.T, dir string) (size int64) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, ".new-*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		return -1
	}
	for _, name := range names {
		_ = filepath.WalkDir(name, func(_ string, d fs.DirEntry, err error) error { // they come and go
			if err == nil && d.Type().IsRegular() {
				if info, err := d.Info(); err == nil {
					size += info.Size()
				}
			}
			return nil
		})
	}
	return size
}

// check wants just these toolboxes in the list, each usable and each byte of them right.
func (s *shelf) check(want ...string) {
	s.t.Helper()
	out, err := dlx(s.t, "toolbox", "list", "-o", "json").Output()
	if err != nil {
		s.t.Fatal(err)
	}
	var rows []struct{ Name, Refused, File string }
	if err := json.Unmarshal(out, &rows); err != nil {
		s.t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		if r.File == "" {
			continue // the one that comes with dlx
		}
		got = append(got, r.Name)
		if r.Refused != "" {
			s.t.Errorf("%s is kept and refused: %s", r.Name, r.Refused)
		}
		s.run("verify", r.Name)
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("toolboxes %v are kept, want %v", got, want)
	}
}

func (s *shelf) run(args ...string) {
	s.t.Helper()
	if out, err := dlx(s.t, append([]string{"toolbox"}, args...)...).CombinedOutput(); err != nil {
		s.t.Errorf("dlx toolbox %v: %v: %s", args, err, out)
	}
}

// Sizes of what is killed, in MiB: large enough to be caught in the middle.
const (
	bigSize   = 64
	buildSize = 32
)

// killLimit bounds a wait for something that a busy machine may have to do several times.
const killLimit = 2 * time.Minute

// TestImportKilled kills an import at growing sizes of what it has written. What was kept stays,
// nothing half is listed, and the next import takes the rest away.
func TestImportKilled(t *testing.T) {
	s := newShelf(t)
	small, big := s.bundle("small", 1), s.bundle("zbig", bigSize)
	s.run("import", small)
	for _, size := range []int64{0, 1 << 20, bigSize << 19, bigSize << 20} { // the last one while it is flushed to the disk
		testutil.Wait(t, fmt.Sprintf("an import killed at %d bytes", size), killLimit, func() bool {
			done := killed(t, dlx(t, "toolbox", "import", big), func() bool { return unfinished(t, s.dir) >= size })
			if done && unfinished(t, s.dir) >= size {
				return true
			}
			if err := os.Remove(filepath.Join(s.dir, "zbig_1_"+runtime.GOARCH+".tar")); err != nil { // it was faster
				t.Fatal(err)
			}
			return false
		})
		s.check("small")
		s.run("import", small)
		if left := unfinished(t, s.dir); left >= 0 {
			t.Errorf("killed at %d bytes: %d are left after the next import", size, left)
		}
	}
	s.run("import", big)
	s.check("small", "zbig")
}

// TestImportWhileImporting imports another toolbox, and the same one, while one is being imported,
// and has the second one go on when the first one is killed.
func TestImportWhileImporting(t *testing.T) {
	s := newShelf(t)
	small, big := s.bundle("small", 1), s.bundle("zbig", bigSize)
	first := dlx(t, "toolbox", "import", big)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	stored := filepath.Join(s.dir, "zbig_1_"+runtime.GOARCH+".tar")
	testutil.Wait(t, "the first import to write", killLimit, func() bool { return unfinished(t, s.dir) >= 0 || there(stored) })
	s.run("import", big)
	s.run("import", small)
	if err := first.Wait(); err != nil {
		t.Error(err)
	}
	s.check("small", "zbig")

	if err := os.Remove(stored); err != nil {
		t.Fatal(err)
	}
	second := dlx(t, "toolbox", "import", small)
	killed(t, dlx(t, "toolbox", "import", big), func() bool {
		if unfinished(t, s.dir) < 0 {
			return false
		}
		if err := second.Start(); err != nil {
			t.Fatal(err)
		}
		return true
	})
	if second.Process != nil { // or the first one was faster
		if err := second.Wait(); err != nil {
			t.Error(err)
		}
	}
	s.run("import", big)
	s.check("small", "zbig")
	if left := unfinished(t, s.dir); left >= 0 {
		t.Errorf("%d bytes are left", left)
	}
}

func there(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

// TestBuildKilled kills a build while it writes: under the name that was asked for there is what
// was there before, or nothing.
func TestBuildKilled(t *testing.T) {
	s := newShelf(t)
	small, big := s.folder("small", 1), s.folder("big", buildSize)
	for _, name := range []string{"box.tar.zst", "box"} {
		dir := t.TempDir()
		out := filepath.Join(dir, name)
		var before []byte // of a file; a folder is never replaced
		if name != "box" {
			s.run("build", "--from-dir", small, "-o", out)
			before = content(out)
		}
		for _, size := range []int64{0, buildSize << 19} {
			testutil.Wait(t, fmt.Sprintf("a build of %s killed at %d bytes", name, size), killLimit, func() bool {
				done := killed(t, dlx(t, "toolbox", "build", "--from-dir", big, "-o", out), func() bool { return unfinished(t, dir) >= size })
				if done && unfinished(t, dir) >= size {
					return true
				}
				if err := os.RemoveAll(out); err != nil { // it was faster
					t.Fatal(err)
				}
				if before != nil {
					s.run("build", "--from-dir", small, "-o", out)
				}
				return false
			})
			if !bytes.Equal(before, content(out)) || before == nil && there(out) {
				t.Errorf("%s: killed at %d bytes, it is another one", name, size)
			}
			removeAll(t, filepath.Join(dir, ".new-"+name+"-*"))
			if left := unfinished(t, dir); left >= 0 {
				t.Errorf("%s: %d bytes are left under a name that says not of what", name, left)
			}
		}
		s.run("build", "--from-dir", big, "-o", out, "--key", s.keyFile())
		s.run("verify", out)
		if left := unfinished(t, dir); left >= 0 {
			t.Errorf("%s: %d bytes are left", name, left)
		}
	}
}

// folder makes a folder of files of 1 MiB to build a toolbox of.
func (s *shelf) folder(name string, size int) string {
	s.t.Helper()
	dir := filepath.Join(s.work, name)
	err := os.MkdirAll(filepath.Join(dir, "share"), 0o755)
	for i, data := range mebibytes(size) {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, "share", fmt.Sprint(i)), data, 0o644))
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return dir
}

// keyFile is a file with the key.
func (s *shelf) keyFile() string {
	s.t.Helper()
	text, err := s.key.MarshalPEM()
	file := filepath.Join(s.work, "team.key")
	if err = errors.Join(err, os.WriteFile(file, text, 0o600)); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// content is that of a file, nil without one.
func content(file string) []byte {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return data
}

func removeAll(t *testing.T, pattern string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	for _, name := range names {
		err = errors.Join(err, os.RemoveAll(name))
	}
	if err != nil {
		t.Fatal(err)
	}
}
