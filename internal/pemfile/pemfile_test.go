package pemfile_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dlx/fault"
	"dlx/internal/pemfile"
)

func TestBlocks(t *testing.T) {
	a, b := string(pemfile.Encode(pemfile.List, []byte("a"))), string(pemfile.Encode(pemfile.List, []byte("b")))
	for name, tt := range map[string]struct {
		text string
		want int
	}{
		"one": {a, 1}, "two": {a + b, 2}, "text between": {"first\n" + a + "second\n" + b + "end\n", 2}, "none": {"", 0}, "text alone": {"a\nb\n", 0},
		"more than allowed": {a + b + a, 0}, "cut off": {a + b[:len(b)-8], 0}, "cut off in the middle": {a[:len(a)-8] + b, 0},
		"not base64": {a + strings.Replace(b, "Yg==", "Y*==", 1), 0}, "of another kind": {a + string(pemfile.Encode(pemfile.Certificate, []byte("b"))), 0},
		"begun and no more": {a + "-----BEGIN", 0},
	} {
		list, err := pemfile.Blocks([]byte(tt.text), pemfile.List, 2)
		if len(list) != tt.want || (err == nil) != (tt.want > 0) {
			t.Errorf("%s: %q, %v", name, list, err)
		}
		if err != nil && !errors.Is(err, fault.BadKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key")
	for mode, want := range map[os.FileMode][2]error{
		0o600: {nil, nil}, 0o400: {nil, nil}, 0o640: {nil, fault.OpenKey}, 0o604: {nil, fault.OpenKey}, 0o644: {nil, fault.OpenKey},
		0o620: {fault.Writable, fault.OpenKey}, 0o602: {fault.Writable, fault.OpenKey},
	} {
		if err := errors.Join(os.WriteFile(name, []byte("12345"), 0o600), os.Chmod(name, mode)); err != nil {
			t.Fatal(err)
		}
		for i, read := range []func(string, int64) ([]byte, error){pemfile.Read, pemfile.ReadSecret} {
			if _, err := read(name, 5); want[i] == nil && err != nil || want[i] != nil && !errors.Is(err, want[i]) {
				t.Errorf("%o: %v, want %v", mode, err, want[i])
			}
		}
		if err := os.Chmod(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pemfile.Read(name, 4); !errors.Is(err, fault.BadKey) {
		t.Errorf("longer than the limit: %v", err)
	}
	if _, err := pemfile.Read(filepath.Dir(name), 4); !errors.Is(err, fault.BadKey) {
		t.Errorf("a folder: %v", err)
	}
}

func FuzzBlocks(f *testing.F) {
	f.Add(pemfile.Encode(pemfile.List, []byte("a")))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := pemfile.Blocks(text, pemfile.List, 4)
		if err == nil && (len(list) == 0 || len(list) > 4 || len(list) != bytes.Count(text, []byte("-----BEGIN"))) {
			t.Errorf("%d blocks of %q", len(list), text)
		}
	})
}
