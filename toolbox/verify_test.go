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
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zeebo/blake3"

	"dlx/fault"
	"dlx/toolbox"
)

// parts is what a small bundle is made of, for tests to tamper with.
type parts struct {
	m        *toolbox.Manifest
	contents map[string][]byte
	sbom     []byte
	cosign   []byte // what cosign wrote, nil without
}

// good is a small bundle that is taken.
func good() *parts {
	p := &parts{
		m:        &toolbox.Manifest{Format: toolbox.FormatVersion, Name: "test", Version: "1", Sequence: 7, Arch: runtime.GOARCH},
		contents: map[string][]byte{"bin/tool": []byte("#!tool"), "share/text": []byte("text")},
		sbom:     []byte("{}"),
	}
	p.m.SBOM = hexDigest(p.sbom)
	for _, path := range []string{"bin/tool", "share/text"} {
		p.m.Files = append(p.m.Files, toolbox.File{Path: path, Mode: 0o755, Size: int64(len(p.contents[path])), SHA256: hexDigest(p.contents[path])})
	}
	p.m.Files = append(p.m.Files, toolbox.File{Path: "bin/link", Link: "tool"})
	return p
}

func hexDigest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func blake3Digest(b []byte) string {
	sum := blake3.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// addBLAKE3 adds the second digest of each file.
func (p *parts) addBLAKE3() *parts {
	for i := range p.m.Files {
		if f := &p.m.Files[i]; f.Link == "" {
			f.BLAKE3 = blake3Digest(p.contents[f.Path])
		}
	}
	return p
}

// bundle puts them together.
func (p *parts) bundle(t testing.TB) *toolbox.Bundle {
	t.Helper()
	raw, err := json.Marshal(p.m)
	if err != nil {
		t.Fatal(err)
	}
	b, err := toolbox.NewBundle(raw, p.sbom, p.contents)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// verified is the small bundle, taken for its digest.
func verified(t testing.TB, p *parts) *toolbox.Verified {
	t.Helper()
	b := p.bundle(t)
	v, err := toolbox.VerifyDigest(b, b.Digest(), "test")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// refusals tamper with a good bundle in just one way each.
var refusals = map[string]struct {
	reason error
	tamper func(p *parts)
}{
	"architecture":        {toolbox.ErrArch, func(p *parts) { p.m.Arch = "s390x" }},
	"missing file":        {toolbox.ErrMissing, func(p *parts) { delete(p.contents, "bin/tool") }},
	"extra file":          {toolbox.ErrExtra, func(p *parts) { p.contents["bin/extra"] = nil }},
	"size":                {toolbox.ErrSize, func(p *parts) { p.m.Files[0].Size++ }},
	"no digest":           {toolbox.ErrChanged, func(p *parts) { p.m.Files[0].SHA256 = "" }},
	"BLAKE3 alone":        {toolbox.ErrChanged, func(p *parts) { p.addBLAKE3().m.Files[0].SHA256 = "" }},
	"short BLAKE3":        {toolbox.ErrChanged, func(p *parts) { p.m.Files[0].BLAKE3 = "00" }},
	"setuid":              {toolbox.ErrMode, func(p *parts) { p.m.Files[0].Mode |= 0o4000 }},
	"writable by others":  {toolbox.ErrMode, func(p *parts) { p.m.Files[0].Mode |= 0o002 }},
	"twice":               {toolbox.ErrPath, func(p *parts) { p.m.Files = append(p.m.Files, p.m.Files[2]) }},
	"absolute path":       {toolbox.ErrPath, func(p *parts) { p.m.Files[2].Path = "/etc/passwd" }},
	"path that escapes":   {toolbox.ErrPath, func(p *parts) { p.m.Files[2].Path = "../passwd" }},
	"dotted path":         {toolbox.ErrPath, func(p *parts) { p.m.Files[2].Path = "bin/../../passwd" }},
	"unclean path":        {toolbox.ErrPath, func(p *parts) { p.m.Files[2].Path = "bin//x" }},
	"path in no folder":   {toolbox.ErrPath, func(p *parts) { p.m.Files[2].Path = "manifest.json" }},
	"control bytes":       {toolbox.ErrPath, func(p *parts) { p.m.Files[2].Path = "bin/\x1b[2J" }},
	"link that escapes":   {toolbox.ErrPath, func(p *parts) { p.m.Files[2].Link = "../../etc" }},
	"absolute link":       {toolbox.ErrPath, func(p *parts) { p.m.Files[2].Link = "/etc" }},
	"below a link":        {toolbox.ErrPath, func(p *parts) { p.m.Files[2].Path = "share/text/x" }},
	"link with a content": {toolbox.ErrPath, func(p *parts) { p.m.Files[2].Size = 4 }},
	"link with a digest":  {toolbox.ErrPath, func(p *parts) { p.m.Files[2].BLAKE3 = hexDigest(nil) }},
	"dynamic program":     {toolbox.ErrDynamic, func(p *parts) { p.replace(elfFile("linux")) }},
	"loader that is not there": {toolbox.ErrDynamic, func(p *parts) {
		p.replace(elfFile("linux"))
		p.m.Files[0].Loader = "lib/ld.so"
	}},
	"loader that can not run": {toolbox.ErrDynamic, func(p *parts) {
		p.replace(elfFile("linux"))
		p.m.Files[0].Loader = "share/text"
		p.m.Files[1].Mode = 0o644
	}},
	"another machine":                 {toolbox.ErrArch, func(p *parts) { p.replace(elfFile("machine")) }},
	"broken program":                  {toolbox.ErrProgram, func(p *parts) { p.replace([]byte("\x7fELFbroken")) }},
	"program headers behind the end":  {toolbox.ErrProgram, func(p *parts) { p.replace(elfFile("far")) }},
	"program headers of another size": {toolbox.ErrProgram, func(p *parts) { p.replace(elfFile("size")) }},
	"sbom":                            {toolbox.ErrSBOM, func(p *parts) { p.sbom = []byte("{ }") }},
	"missing sbom":                    {toolbox.ErrSBOM, func(p *parts) { p.sbom = nil }},
	"sbom not listed":                 {toolbox.ErrSBOM, func(p *parts) { p.m.SBOM = "" }},
}

func (p *parts) replace(data []byte) {
	p.contents["bin/tool"] = data
	p.m.Files[0].Size, p.m.Files[0].SHA256 = int64(len(data)), hexDigest(data)
}

// elfFile is this test program with a PT_INTERP segment, for another machine, or with bad headers.
func elfFile(kind string) []byte {
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		panic(err)
	}
	data = data[:min(len(data), 1<<16)]
	clear(data[0x28:0x30]) // no sections: they are further back (elf(5), e_shoff, e_shnum, e_shstrndx)
	clear(data[0x3c:0x40])
	switch kind {
	case "machine":
		data[18], data[19] = 0x16, 0 // EM_S390
	case "far":
		data[0x27] = 0x7f // e_phoff
	case "size":
		data[0x36]++ // e_phentsize
	case "linux":
		data[64] = 3 // the first program header becomes PT_INTERP
	}
	return data
}

func TestVerify(t *testing.T) {
	verified(t, good())
	for name, tt := range refusals {
		t.Run(name, func(t *testing.T) {
			p := good()
			tt.tamper(p)
			b := p.bundle(t)
			_, err := toolbox.VerifyDigest(b, b.Digest(), "test")
			if !errors.Is(err, fault.ToolboxRefused) || !errors.Is(err, tt.reason) || len(fault.Of(err).Detail) != 1 {
				t.Errorf("error %v, want a fault.ToolboxRefused: %v", err, tt.reason)
			}
		})
	}
	withLoader := good()
	withLoader.replace(elfFile("linux"))
	withLoader.m.Files[0].Loader = "share/text"
	verified(t, withLoader)
	if _, err := toolbox.VerifyDigest(good().bundle(t), hexDigest(nil), "test"); !errors.Is(err, toolbox.ErrChanged) {
		t.Errorf("another digest: %v", err)
	}
}

func TestCopyTo(t *testing.T) {
	p := good()
	p.contents["bin/tool"] = []byte("#!fool") // of the same size
	box := verified(t, p)
	if err := box.CopyTo(&bytes.Buffer{}, "bin/tool"); !errors.Is(err, toolbox.ErrChanged) {
		t.Errorf("a changed byte: %v", err)
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

// TestCombine: the first toolbox's files win, and nothing lies below a file.
func TestCombine(t *testing.T) {
	other := &parts{m: &toolbox.Manifest{Format: 1, Name: "other", Version: "2", Arch: runtime.GOARCH}, contents: map[string][]byte{}}
	for _, path := range []string{"bin/tool", "bin/more", "share/text/below", "bin/link/below"} {
		other.contents[path] = []byte(path)
		other.m.Files = append(other.m.Files, toolbox.File{Path: path, Mode: 0o644, Size: int64(len(path)), SHA256: hexDigest([]byte(path))})
	}
	all := toolbox.Combine(verified(t, good()), verified(t, other))
	var paths []string
	for _, f := range all.Files() {
		paths = append(paths, f.Path)
	}
	if diff := cmp.Diff([]string{"bin/link", "bin/more", "bin/tool", "share/text"}, paths); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	var b bytes.Buffer
	if err := all.CopyTo(&b, "bin/tool"); err != nil || b.String() != "#!tool" {
		t.Errorf("bin/tool is %q, %v", b.String(), err)
	}
	if n := len(all.Parts()); n != 2 {
		t.Errorf("%d parts", n)
	}
}

// archive is the archive of a bundle.
func archive(t testing.TB, b *toolbox.Bundle) []byte {
	t.Helper()
	var out bytes.Buffer
	if n, err := b.WriteTo(&out); err != nil || n != int64(out.Len()) {
		t.Fatal(n, err)
	}
	return out.Bytes()
}

func TestReadBundle(t *testing.T) {
	want := good().bundle(t)
	data := archive(t, want)
	b, err := toolbox.ReadBundle(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := toolbox.VerifyDigest(b, want.Digest(), "test"); err != nil {
		t.Error(err)
	}
	for n := range bytes.LastIndex(data, []byte("text")) { // what follows is padding and the end mark
		if b, err := toolbox.ReadBundle(data[:n]); err == nil {
			if _, err := toolbox.VerifyDigest(b, want.Digest(), "test"); err == nil {
				t.Errorf("the first %d of %d bytes are taken", n, len(data))
			}
		}
	}
	bad := map[string]func(h *tar.Header){
		"link":              func(h *tar.Header) { h.Typeflag, h.Linkname = tar.TypeSymlink, "/etc/passwd" },
		"device":            func(h *tar.Header) { h.Typeflag = tar.TypeChar },
		"folder":            func(h *tar.Header) { h.Typeflag = tar.TypeDir },
		"file in no folder": func(h *tar.Header) { h.Typeflag = tar.TypeReg },
		"second manifest":   func(h *tar.Header) { h.Typeflag, h.Name = tar.TypeReg, toolbox.ManifestName },
		"sparse file":       func(h *tar.Header) { h.Typeflag = tar.TypeGNUSparse },
		"extended attributes": func(h *tar.Header) {
			h.Name, h.PAXRecords, h.Format = "bin/x", map[string]string{"SCHILY.xattr.security.capability": "x"}, tar.FormatPAX
		},
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
		"empty": "", "text": "x", "format": `{"format":2,"name":"x"}`, "unknown field": `{"format":1,"name":"x","extra":1}`, "more": `{"format":1,"name":"x"}{}`,
		"long": `{"format":1,"name":"` + strings.Repeat("x", 9<<20) + `"}`, "no name": `{"format":1}`, "path as name": `{"format":1,"name":"../x"}`,
		"many files": `{"format":1,"name":"x","files":[` + strings.Repeat("{},", 20000) + `{}]}`,
	} {
		if _, err := toolbox.ParseManifest([]byte(text)); !errors.Is(err, toolbox.ErrManifest) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func FuzzReadBundle(f *testing.F) {
	f.Add(archive(f, good().bundle(f)))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if b, err := toolbox.ReadBundle(data); err == nil {
			_, _ = toolbox.VerifyDigest(b, b.Digest(), "fuzz")
		}
	})
}

func ExampleVerifyDigest() {
	b, err := toolbox.NewBundle([]byte(`{"format":1,"name":"x","arch":"`+runtime.GOARCH+`","files":[{"path":"../../etc/cron.d/x","link":"y"}]}`), nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = toolbox.VerifyDigest(b, b.Digest(), "example")
	fmt.Println(err)
	// Output: toolbox refused: "../../etc/cron.d/x" is not a path in a folder of the toolbox
}

// TestRuns: programs and links to them can be run.
func TestRuns(t *testing.T) {
	b := toolbox.Builder{Name: "test", Version: "1", Arch: runtime.GOARCH}
	b.Add("libexec/x/run", []byte("program"), 0o755, toolbox.Source{})
	b.Add("bin/data", []byte("data"), 0o644, toolbox.Source{})
	for path, to := range map[string]string{"bin/x": "../libexec/x/run", "bin/y": "x", "bin/loop": "loop", "bin/lost": "nothing", "bin/d": "data"} {
		b.Link(path, to)
	}
	made, err := b.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	box, err := toolbox.Inspect(made)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"libexec/x/run": true, "bin/x": true, "bin/y": true, "bin/loop": false, "bin/lost": false, "bin/d": false, "bin/data": false, "bin/none": false, "bin": false,
	} {
		if got := box.Runs(path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}

// TestAsTheyLie: a toolbox says how many of its programs nobody has looked at.
func TestAsTheyLie(t *testing.T) {
	b := &toolbox.Builder{Name: "mine", Version: "1", Arch: runtime.GOARCH, Sequence: 1, Created: time.Unix(0, 0)}
	folder := toolbox.Source{Package: "tools", Origin: toolbox.OriginFolder}
	b.Add("bin/one", []byte("1"), 0o755, folder)
	b.Add("share/doc", []byte("2"), 0o644, folder)
	b.Add("bin/other", []byte("3"), 0o755, toolbox.Source{Package: "other", Origin: "Debian"})
	bundle, err := b.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	v, err := toolbox.Inspect(bundle)
	if err != nil {
		t.Fatal(err)
	}
	if got := v.Parts()[0].String(); !strings.Contains(got, "with 1 of a folder as they lie") {
		t.Errorf("a toolbox of a folder: %s", got)
	}
}
