package policy_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"dlx/agent/policy"
	"dlx/fault"
	"dlx/internal/strictyaml"
)

const first, second = "version: 1\nrules:\n  - deny: one\n", "version: 1\nrules:\n  - deny: two\n"

// write makes a file as it was some time ago.
func write(t *testing.T, name, text string, ago time.Duration) {
	t.Helper()
	when := time.Now().Add(-ago)
	if err := errors.Join(os.WriteFile(name, []byte(text), 0o644), os.Chtimes(name, when, when)); err != nil {
		t.Fatal(err)
	}
}

func newSource(t *testing.T) (*policy.Source, string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "policy.yaml")
	write(t, name, first, time.Hour)
	s, err := policy.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return s, name
}

// rule is the one that holds.
func rule(s *policy.Source) string { return s.Policy().Decide(alice, ask(nil)).Rule }

// TestPoll: a change is noticed and told once; a bad one leaves the old policy.
func TestPoll(t *testing.T) {
	s, name := newSource(t)
	poll := func(what, holds string, want bool, wrong string) {
		t.Helper()
		changed, err := s.Poll()
		if changed != want || (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) || rule(s) != holds {
			t.Errorf("%s: %t, %v, %s holds", what, changed, err, rule(s))
		}
	}
	poll("nothing", "one", false, "")
	write(t, name, second, time.Minute)
	poll("another one", "two", true, "")
	poll("nothing", "two", false, "")
	write(t, name, "version: 1\nrule", 50*time.Second)
	poll("half of one", "two", false, "policy.yaml:")
	poll("still half of one", "two", false, "")
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	poll("no file", "two", false, "no such file")
	poll("still none", "two", false, "")
	write(t, name+".new", first, time.Hour)
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
	poll("a file in its place", "one", true, "")
	if err := os.Chmod(name, 0o666); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" {
		poll("writable", "one", false, "can be written by others")
	}
	if err := os.Chmod(name, 0o644); err != nil {
		t.Fatal(err)
	}
	poll("no longer", "one", false, "")
}

// TestSettled: a file that is being written is not taken, and one that was read while it was young
// is read again.
func TestSettled(t *testing.T) {
	s, name := newSource(t)
	write(t, name, second, 0)
	if changed, err := s.Poll(); changed || err != nil || rule(s) != "one" {
		t.Errorf("%t, %v, %s holds", changed, err, rule(s))
	}
	if err := s.Reload(); err != nil || rule(s) != "two" {
		t.Errorf("%v, %s holds", err, rule(s))
	}
	now, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(first), 0o644); err != nil { // of the same length, and as it seems at the same time
		t.Fatal(err)
	}
	if err := os.Chtimes(name, now.ModTime(), now.ModTime()); err != nil {
		t.Fatal(err)
	}
	limit := time.Now().Add(30 * time.Second)
	for rule(s) != "one" {
		if _, err := s.Poll(); err != nil || time.Now().After(limit) {
			t.Fatalf("%v, %s holds", err, rule(s))
		}
	}
}

// TestReload: with a mistake the old policy holds, and the mistake is told.
func TestReload(t *testing.T) {
	s, name := newSource(t)
	write(t, name, first+"    verb: [x]\n", time.Minute)
	err := s.Reload()
	if list, ok := errors.AsType[strictyaml.Errors](err); !ok || list[0].Line != 4 || list[0].File != name || rule(s) != "one" {
		t.Errorf("%v, %s holds", err, rule(s))
	}
}

// TestFiles: a policy is a regular file that nobody else could have written.
func TestFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes there")
	}
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	write(t, good, first, time.Hour)
	link, folder, open, long, bad := filepath.Join(dir, "link"), filepath.Join(dir, "folder"), filepath.Join(dir, "open"), filepath.Join(dir, "long"), filepath.Join(dir, "bad")
	write(t, open, first, 0)
	write(t, long, strings.Repeat("#", policy.MaxSize+1), 0)
	write(t, bad, "", 0)
	shared := filepath.Join(dir, "shared")
	if err := errors.Join(os.Symlink(good, link), os.Mkdir(folder, 0o755), os.Mkdir(shared, 0o755), os.Chmod(shared, 0o777), os.Chmod(open, 0o664)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(shared, "policy"), first, 0)
	for name, want := range map[string]string{
		link: "not a regular file", folder: "not a regular file", open: "can be written by others", filepath.Join(shared, "policy"): "can be written by others",
		long: "longer than", bad: "there is no policy in it",
	} {
		if s, err := policy.Open(name); s != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := policy.Open(open); !errors.Is(err, fault.Writable) {
		t.Error(err)
	}
	if _, err := policy.Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
