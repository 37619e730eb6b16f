package toolbox_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"dlx/toolbox"
)

// good is a small bundle that is taken.
func good() (*toolbox.Manifest, map[string][]byte) {
	contents := map[string][]byte{"bin/tool": []byte("#!tool"), "share/text": []byte("text")}
	m := &toolbox.Manifest{Format: toolbox.FormatVersion, Name: "test", Version: "1", Arch: runtime.GOARCH}
	for _, path := range []string{"bin/tool", "share/text"} {
		sum := sha256.Sum256(contents[path])
		m.Files = append(m.Files, toolbox.File{Path: path, Mode: 0o755, Size: int64(len(contents[path])), SHA256: hex.EncodeToString(sum[:])})
	}
	m.Files = append(m.Files, toolbox.File{Path: "bin/link", Link: "tool"})
	return m, contents
}

// refusals tamper with a good bundle in just one way each.
var refusals = map[string]func(m *toolbox.Manifest, contents map[string][]byte){
	"architecture":        func(m *toolbox.Manifest, _ map[string][]byte) { m.Arch = "s390x" },
	"missing file":        func(_ *toolbox.Manifest, c map[string][]byte) { delete(c, "bin/tool") },
	"extra file":          func(_ *toolbox.Manifest, c map[string][]byte) { c["bin/extra"] = nil },
	"size":                func(m *toolbox.Manifest, _ map[string][]byte) { m.Files[0].Size++ },
	"no digest":           func(m *toolbox.Manifest, _ map[string][]byte) { m.Files[0].SHA256 = "" },
	"setuid":              func(m *toolbox.Manifest, _ map[string][]byte) { m.Files[0].Mode |= 0o4000 },
	"writable by others":  func(m *toolbox.Manifest, _ map[string][]byte) { m.Files[0].Mode |= 0o002 },
	"twice":               func(m *toolbox.Manifest, _ map[string][]byte) { m.Files = append(m.Files, m.Files[2]) },
	"absolute path":       func(m *toolbox.Manifest, _ map[string][]byte) { m.Files[2].Path = "/etc/passwd" },
	"path that escapes":   func(m *toolbox.Manifest, _ map[string][]byte) { m.Files[2].Path = "../passwd" },
	"dotted path":         func(m *toolbox.Manifest, _ map[string][]byte) { m.Files[2].Path = "bin/../../passwd" },
	"unclean path":        func(m *toolbox.Manifest, _ map[string][]byte) { m.Files[2].Path = "bin//x" },
	"control bytes":       func(m *toolbox.Manifest, _ map[string][]byte) { m.Files[2].Path = "bin/\x1b[2J" },
	"link that escapes":   func(m *toolbox.Manifest, _ map[string][]byte) { m.Files[2].Link = "../../etc" },
	"absolute link":       func(m *toolbox.Manifest, _ map[string][]byte) { m.Files[2].Link = "/etc" },
	"below a link":        func(m *toolbox.Manifest, _ map[string][]byte) { m.Files[2].Path = "share" },
	"dynamic program":     func(m *toolbox.Manifest, c map[string][]byte) { replace(m, c, elfFile("linux")) },
	"another machine":     func(m *toolbox.Manifest, c map[string][]byte) { replace(m, c, elfFile("machine")) },
	"broken program":      func(m *toolbox.Manifest, c map[string][]byte) { replace(m, c, []byte("\x7fELFbroken")) },
	"link with a content": func(m *toolbox.Manifest, _ map[string][]byte) { m.Files[2].Size = 4 },
}

func replace(m *toolbox.Manifest, contents map[string][]byte, data []byte) {
	contents["bin/tool"] = data
	m.Files[0].Size = int64(len(data))
}

// elfFile is this test program with an interpreter's segment, or for another machine.
func elfFile(kind string) []byte {
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		panic(err)
	}
	data = data[:min(len(data), 1<<16)]
	if kind == "machine" {
		data[18], data[19] = 0x16, 0 // EM_S390
		return data
	}
	phoff := 64
	data[phoff] = 3 // the first program header becomes PT_INTERP
	return data
}

func TestVerify(t *testing.T) {
	if _, err := toolbox.Verify(toolbox.NewBundle(good())); err != nil {
		t.Fatalf("a good bundle: %v", err)
	}
	for name, tamper := range refusals {
		t.Run(name, func(t *testing.T) {
			m, contents := good()
			tamper(m, contents)
			_, err := toolbox.Verify(toolbox.NewBundle(m, contents))
			var refused *toolbox.RefusedError
			if !errors.As(err, &refused) || refused.Hint() == "" {
				t.Errorf("error %v, want *toolbox.RefusedError", err)
			}
		})
	}
}

func TestCopyTo(t *testing.T) {
	m, contents := good()
	contents["bin/tool"] = []byte("#!fool") // of the same size
	box, err := toolbox.Verify(toolbox.NewBundle(m, contents))
	if err != nil {
		t.Fatal(err)
	}
	var digest *toolbox.DigestError
	if err := box.CopyTo(&bytes.Buffer{}, "bin/tool"); !errors.As(err, &digest) || digest.Hint() == "" {
		t.Errorf("a changed byte: %v, want *toolbox.DigestError", err)
	}
	var b bytes.Buffer
	if err := box.CopyTo(&b, "share/text"); err != nil || b.String() != "text" {
		t.Errorf("%q, %v", b.String(), err)
	}
	for _, name := range []string{"bin/link", "nothing"} {
		if err := box.CopyTo(&b, name); err == nil {
			t.Errorf("%s was copied", name)
		}
	}
}

// archive writes a bundle as pack does.
func archive(t testing.TB, m *toolbox.Manifest, contents map[string][]byte) []byte {
	t.Helper()
	manifest, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(name string, data []byte) {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	put(toolbox.ManifestName, manifest)
	for _, f := range m.Files {
		if f.Link == "" {
			put(f.Path, contents[f.Path])
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadBundle(t *testing.T) {
	m, contents := good()
	data := archive(t, m, contents)
	b, err := toolbox.ReadBundle(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := toolbox.Verify(b); err != nil {
		t.Error(err)
	}
	for n := range bytes.LastIndex(data, []byte("text")) { // what follows is padding and the end mark
		if b, err := toolbox.ReadBundle(data[:n]); err == nil {
			if _, err := toolbox.Verify(b); err == nil {
				t.Errorf("the first %d of %d bytes are taken", n, len(data))
			}
		}
	}
	bad := map[string]func(h *tar.Header){
		"link":   func(h *tar.Header) { h.Typeflag, h.Linkname = tar.TypeSymlink, "/etc/passwd" },
		"device": func(h *tar.Header) { h.Typeflag = tar.TypeChar },
		"folder": func(h *tar.Header) { h.Typeflag = tar.TypeDir },
	}
	for name, change := range bad {
		var extra bytes.Buffer
		w := tar.NewWriter(&extra)
		h := &tar.Header{Name: "x", Mode: 0o644}
		change(h)
		if err := errors.Join(w.WriteHeader(h), w.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := toolbox.ReadBundle(append(bytes.Clone(data[:len(data)-1024]), extra.Bytes()...)); err == nil {
			t.Errorf("an archive with a %s is taken", name)
		}
	}
}

func TestParseManifest(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "text": "x", "format": `{"format":2}`, "unknown field": `{"format":1,"extra":1}`, "more": `{"format":1}{}`,
		"long": `{"format":1,"name":"` + strings.Repeat("x", 9<<20) + `"}`,
	} {
		if _, err := toolbox.ParseManifest([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzReadBundle(f *testing.F) {
	f.Add(archive(f, first(good()), second(good())))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if b, err := toolbox.ReadBundle(data); err == nil {
			_, _ = toolbox.Verify(b)
		}
	})
}

func first(m *toolbox.Manifest, _ map[string][]byte) *toolbox.Manifest  { return m }
func second(_ *toolbox.Manifest, c map[string][]byte) map[string][]byte { return c }

func ExampleVerify() {
	m, contents := good()
	m.Files[0].Path = "../../etc/cron.d/x"
	_, err := toolbox.Verify(toolbox.NewBundle(m, contents))
	fmt.Println(err)
	// Output: toolbox refused: "../../etc/cron.d/x" is not a path inside the toolbox
}
