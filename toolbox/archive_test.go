package toolbox_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"dlx/toolbox"
)

// TestForms writes a bundle in each form, twice, and reads it again.
func TestForms(t *testing.T) {
	key, public := keyPair(t)
	b := signed(t, good(), key)
	dir := t.TempDir()
	var files [][]byte
	for i := range 2 {
		file := filepath.Join(dir, fmt.Sprintf("%d.tar.zst", i))
		if err := b.WriteFile(file); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, data)
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the same bundle makes other bytes")
	}
	folder, plain := filepath.Join(dir, "folder"), filepath.Join(dir, "plain.tar")
	if err := errors.Join(b.WriteFolder(folder), b.WriteFile(plain)); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(plain); err != nil || !bytes.Equal(data, archive(t, b)) {
		t.Errorf("a file .tar is no plain archive: %v", err)
	}
	policy := toolbox.Policy{Trust: toolbox.NewTrust(public), Now: now}
	for _, name := range []string{filepath.Join(dir, "0.tar.zst"), plain, folder} {
		again, err := toolbox.Open(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := policy.Verify(again); err != nil || again.Digest() != b.Digest() {
			t.Errorf("%s: %v, digest %s", name, err, again.Digest())
		}
	}
	for _, there := range []string{folder, plain, t.TempDir()} {
		if err := b.WriteFolder(there); !errors.Is(err, os.ErrExist) {
			t.Errorf("a folder %s, which is there: %v", there, err)
		}
	}
	if err := b.WriteFolder(filepath.Join(dir, "new") + "/"); err != nil {
		t.Error(err)
	}
	names(t, dir, "0.tar.zst", "1.tar.zst", "folder", "new", "plain.tar")
}

// names wants a folder to have just these files.
func names(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// TestFolderRefused tampers with a folder in just one way each.
func TestFolderRefused(t *testing.T) {
	tests := map[string]struct {
		tamper func(dir string) error
		want   error
	}{
		"extra file":   {func(dir string) error { return os.WriteFile(filepath.Join(dir, "bin/x"), nil, 0o600) }, toolbox.ErrExtra},
		"missing file": {func(dir string) error { return os.Remove(filepath.Join(dir, "bin/tool")) }, toolbox.ErrMissing},
		"link instead of a file": {func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "bin/tool")), os.Symlink("/etc/passwd", filepath.Join(dir, "bin/tool")))
		}, toolbox.ErrExtra},
		"folder that is a link": {func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "share")), os.Symlink("/etc", filepath.Join(dir, "share")))
		}, toolbox.ErrExtra},
		"other link": {func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "bin/link")), os.Symlink("../../x", filepath.Join(dir, "bin/link")))
		}, toolbox.ErrExtra},
		"size": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "bin/tool"), nil, 0o600) }, toolbox.ErrSize},
	}
	for name, tt := range tests {
		dir := filepath.Join(t.TempDir(), "box")
		b := good().bundle(t)
		if err := errors.Join(b.WriteFolder(dir), tt.tamper(dir)); err != nil {
			t.Fatal(err)
		}
		again, err := toolbox.Open(dir)
		if err == nil {
			_, err = toolbox.VerifyDigest(again, b.Digest(), "test")
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", name, err, tt.want)
		}
	}
}

// TestBombs reads archives that are small and become large, or have very many entries. Both are given up.
func TestBombs(t *testing.T) {
	toolbox.LimitBundles(t, 64<<20)
	dir := t.TempDir()
	zeros, entries := filepath.Join(dir, "zeros.zst"), filepath.Join(dir, "entries.zst")
	compress(t, zeros, func(w io.Writer) error {
		_, err := io.CopyN(w, zero{}, 65<<20)
		return err
	})
	compress(t, entries, func(w io.Writer) error {
		var manifest bytes.Buffer
		tw := tar.NewWriter(&manifest)
		text := []byte(`{"format":1,"name":"x"}`)
		if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: toolbox.ManifestName, Size: int64(len(text))}); err != nil {
			return err
		}
		_, err := tw.Write(text)
		if err = errors.Join(err, tw.Flush()); err != nil {
			return err
		}
		if _, err := w.Write(manifest.Bytes()); err != nil {
			return err
		}
		for i := range 100_000 {
			tw := tar.NewWriter(w)
			if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("bin/%d", i)}); err != nil {
				return err
			}
		}
		return nil
	})
	var size *toolbox.SizeError
	if _, err := toolbox.Open(zeros); !errors.As(err, &size) {
		t.Errorf("65 MiB of zeros: %v", err)
	}
	if _, err := toolbox.Open(entries); err == nil {
		t.Error("100,000 entries are taken")
	}
}

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func compress(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(write(z), z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string][]byte{"empty": nil, "text": []byte("hello"), "broken.zst": {0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3}} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := toolbox.Open(file); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for _, name := range []string{"/dev/null", filepath.Join(dir, "nothing"), t.TempDir()} {
		if _, err := toolbox.Open(name); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
