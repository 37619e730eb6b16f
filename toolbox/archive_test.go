package toolbox_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"dlx/fault"
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

// entry is one of a forged archive: data, and then zeros.
type entry struct {
	name  string
	data  []byte
	zeros int64
}

// pack writes an archive compressed.
func pack(t *testing.T, name string, entries ...entry) {
	t.Helper()
	compress(t, name, func(w io.Writer) error {
		tw := tar.NewWriter(w)
		for _, e := range entries {
			if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: 0o755, Size: int64(len(e.data)) + e.zeros}); err != nil {
				return err
			}
			_, err := tw.Write(e.data)
			_, zerr := io.CopyN(tw, zero{}, e.zeros)
			if err = errors.Join(err, zerr); err != nil {
				return err
			}
		}
		return tw.Close()
	})
}

// TestBombs reads archives that are small and become large, or that have very many entries. Of one
// that nobody trusted has signed, only the manifest and signatures are unpacked. Of a signed one,
// no more than the manifest says.
func TestBombs(t *testing.T) {
	key, public := keyPair(t)
	_, other := keyPair(t)
	box := good()
	b := signed(t, box, key)
	sbom, err := b.SBOM()
	if err != nil {
		t.Fatal(err)
	}
	const huge, block = 80 << 20, 1 << 20 // huge is more than may be taken of memory
	manifest, envelope := entry{name: toolbox.ManifestName, data: b.RawManifest()}, entry{name: toolbox.EnvelopeName, data: b.Envelope()}
	description := entry{name: toolbox.SBOMName, data: sbom}
	many := []entry{manifest, envelope, description}
	for i := range 100_000 {
		many = append(many, entry{name: fmt.Sprintf("bin/%d", i)})
	}
	large := good()
	large.m.Files[0].Size = huge
	for name, tt := range map[string]struct {
		entries []entry
		trust   *toolbox.PublicKey
		most    int64 // bytes unpacked
	}{
		"unsigned":               {[]entry{manifest, {name: "bin/tool", zeros: huge}}, public, block},
		"unsigned as listed":     {[]entry{{name: toolbox.ManifestName, data: large.bundle(t).RawManifest()}, {name: "bin/tool", zeros: huge}}, public, block},
		"unknown key":            {[]entry{manifest, envelope, {name: "bin/tool", zeros: huge}}, other, block},
		"manifest":               {[]entry{{name: toolbox.ManifestName, zeros: huge}}, public, block},
		"manifest with its end":  {[]entry{{name: toolbox.ManifestName, data: b.RawManifest(), zeros: huge}}, public, block},
		"envelope":               {[]entry{manifest, {name: toolbox.EnvelopeName, zeros: huge}}, public, block},
		"cosign":                 {[]entry{manifest, envelope, {name: toolbox.CosignName, zeros: huge}}, public, block},
		"no manifest":            {[]entry{{name: "bin/tool", zeros: huge}}, public, block},
		"bill of materials":      {[]entry{manifest, envelope, {name: toolbox.SBOMName, zeros: huge}}, public, block},
		"larger than signed":     {[]entry{manifest, envelope, description, {name: "bin/tool", data: []byte("#!tool"), zeros: huge}}, public, block},
		"extra":                  {[]entry{manifest, envelope, description, {name: "bin/extra", zeros: huge}}, public, block},
		"path that escapes":      {[]entry{manifest, envelope, description, {name: "../bin/tool", zeros: huge}}, public, block},
		"absolute path":          {[]entry{manifest, envelope, description, {name: "/bin/tool", zeros: huge}}, public, block},
		"twice":                  {[]entry{manifest, envelope, description, {name: "bin/tool", data: []byte("#!tool")}, {name: "bin/tool", data: []byte("#!tool")}}, public, block},
		"second manifest":        {[]entry{manifest, envelope, {name: toolbox.ManifestName, zeros: huge}}, public, block},
		"many entries":           {many, public, block},
		"zeros behind its end":   {nil, public, block},
		"nothing but its end":    {[]entry{manifest, envelope}, public, block},
		"signature at the end":   {[]entry{manifest, description, envelope}, public, block},
		"files before signature": {[]entry{manifest, {name: "bin/tool", zeros: huge}, envelope}, public, block},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "bomb.zst")
			pack(t, file, tt.entries...)
			if tt.entries == nil {
				compress(t, file, func(w io.Writer) error {
					_, err := io.CopyN(w, zero{}, huge)
					return err
				})
			}
			unpacked := toolbox.Unpacked(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			b, err := toolbox.Open(file)
			if err == nil {
				_, err = (&toolbox.Policy{Trust: toolbox.NewTrust(tt.trust), Now: now}).Verify(b)
			}
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Error("it is taken")
			}
			// Twice, since the beginning is read again. What tar skips of a manifest is read too.
			if *unpacked > 2*tt.most {
				t.Errorf("%d bytes were unpacked: %v", *unpacked, err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
				t.Errorf("%d bytes of memory were taken: %v", took, err)
			}
		})
	}
}

// TestSwappedArchive: the file becomes another one, whose manifest says something else, between the
// check of its signature and its use.
func TestSwappedArchive(t *testing.T) {
	key, public := keyPair(t)
	dir := t.TempDir()
	file, other := filepath.Join(dir, "a.tar"), filepath.Join(dir, "b.tar")
	evil := good()
	evil.m.Version = "2"
	if err := errors.Join(signed(t, good(), key).WriteFile(file), evil.bundle(t).WriteFile(other)); err != nil {
		t.Fatal(err)
	}
	b, err := toolbox.Open(file)
	if err == nil {
		err = os.Rename(other, file)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&toolbox.Policy{Trust: toolbox.NewTrust(public), Now: now}).Verify(b); !errors.Is(err, toolbox.ErrChanged) {
		t.Errorf("error %v, want toolbox.ErrChanged", err)
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
	z, err := zstd.NewWriter(f, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
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

// TestTooLarge: a manifest that lists more than a toolbox may have is refused before its files are
// read, also one that is signed.
func TestTooLarge(t *testing.T) {
	toolbox.LimitBundles(t, 1<<20)
	key, public := keyPair(t)
	large := good()
	large.replace(bytes.Repeat([]byte("#"), 2<<20))
	file := filepath.Join(t.TempDir(), "large.tar")
	if err := signed(t, large, key).WriteFile(file); err != nil {
		t.Fatal(err)
	}
	b, err := toolbox.Open(file)
	if err == nil {
		_, err = (&toolbox.Policy{Trust: toolbox.NewTrust(public), Now: now}).Verify(b)
	}
	if !errors.Is(err, fault.BadArchive) {
		t.Errorf("error %v, want fault.BadArchive", err)
	}
}
