package strictyaml

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestUnchanged: a file that another one has replaced, or that somebody writes, is not what was
// looked at.
func TestUnchanged(t *testing.T) {
	name := filepath.Join(t.TempDir(), "policy")
	if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := unchanged(f, info, name); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(name+"2", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name+"2", info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	other, err := os.Lstat(name + "2")
	if err != nil {
		t.Fatal(err)
	}
	if err := unchanged(f, other, name); !errors.Is(err, errChanging) {
		t.Errorf("another file: %v", err)
	}
	if err := errors.Join(os.WriteFile(name, []byte("xy"), 0o600), os.Chtimes(name, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
	if err := unchanged(f, info, name); !errors.Is(err, errChanging) {
		t.Errorf("a longer one: %v", err)
	}
}

// TestSwapped: what is put in the place of a file between two steps is not read, nor what is
// written while it is read.
func TestSwapped(t *testing.T) {
	defer func() { between = func(string) {} }()
	for _, step := range []string{"looked", "opened"} {
		dir := t.TempDir()
		name, other := filepath.Join(dir, "policy"), filepath.Join(dir, "other")
		if err := errors.Join(os.WriteFile(name, []byte("x"), 0o600), os.WriteFile(other, []byte("y"), 0o600)); err != nil {
			t.Fatal(err)
		}
		between = func(at string) {
			change := func() error { return errors.Join(os.Remove(name), os.Symlink(other, name)) }
			if at == "opened" {
				change = func() error { return os.WriteFile(name, []byte("xy"), 0o600) }
			}
			if at != step {
				return
			}
			if err := change(); err != nil {
				t.Fatal(err)
			}
		}
		if data, _, err := ReadFile(name); !errors.Is(err, errChanging) {
			t.Errorf("%s: %q, %v", step, data, err)
		}
	}
}
