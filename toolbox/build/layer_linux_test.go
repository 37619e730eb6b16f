package build

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// layerOf is a layer's tar.
func layerOf(t testing.TB, entries ...tar.Header) *bytes.Reader {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		h.Mode = 0o755
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

// apply applies layers to an empty folder and lists what is there then.
func apply(t *testing.T, layers ...*bytes.Reader) (paths []string, err error) {
	t.Helper()
	dir := t.TempDir()
	tr, err := openTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.close()
	u := &unpacking{tree: tr, left: maxImage}
	for _, l := range layers {
		if err := u.layer(l); err != nil {
			return nil, err
		}
	}
	err = fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if p != "." {
			paths = append(paths, p)
		}
		return err
	})
	return paths, err
}

func TestLayers(t *testing.T) {
	lower := func() *bytes.Reader {
		return layerOf(t, tar.Header{Name: "usr/bin/", Typeflag: tar.TypeDir}, tar.Header{Name: "bin", Typeflag: tar.TypeSymlink, Linkname: "/usr/bin"},
			tar.Header{Name: "./usr/bin/a"}, tar.Header{Name: "bin/b"}, tar.Header{Name: "opt/x/1"}, tar.Header{Name: "opt/x/2"},
			tar.Header{Name: "usr/bin/hard", Typeflag: tar.TypeLink, Linkname: "usr/bin/a"}, tar.Header{Name: "dev/null", Typeflag: tar.TypeChar})
	}
	tests := map[string]struct {
		upper *bytes.Reader
		want  []string
	}{
		"nothing":    {layerOf(t), []string{"bin", "dev", "opt", "opt/x", "opt/x/1", "opt/x/2", "usr", "usr/bin", "usr/bin/a", "usr/bin/b", "usr/bin/hard"}},
		"whiteout":   {layerOf(t, tar.Header{Name: "usr/bin/.wh.a"}), []string{"bin", "dev", "opt", "opt/x", "opt/x/1", "opt/x/2", "usr", "usr/bin", "usr/bin/b", "usr/bin/hard"}},
		"opaque":     {layerOf(t, tar.Header{Name: "opt/x/.wh..wh..opq"}, tar.Header{Name: "opt/x/3"}), []string{"bin", "dev", "opt", "opt/x", "opt/x/3", "usr", "usr/bin", "usr/bin/a", "usr/bin/b", "usr/bin/hard"}},
		"a new kind": {layerOf(t, tar.Header{Name: "opt/x"}), []string{"bin", "dev", "opt", "opt/x", "usr", "usr/bin", "usr/bin/a", "usr/bin/b", "usr/bin/hard"}},
	}
	for name, tt := range tests {
		got, err := apply(t, lower(), tt.upper)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// TestHostileLayers: nothing is written or removed outside of the folder.
func TestHostileLayers(t *testing.T) {
	outside := t.TempDir()
	victim := filepath.Join(outside, "victim")
	if err := os.WriteFile(victim, []byte("here"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string][]tar.Header{
		"dots":                      {{Name: "../../../../../../.." + victim}},
		"absolute":                  {{Name: victim}},
		"through a link":            {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: outside}, {Name: "l/victim"}},
		"through a relative link":   {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "../../../../../../../.." + outside}, {Name: "l/victim"}},
		"whiteout through a link":   {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: outside}, {Name: "l/.wh.victim"}},
		"opaque through a link":     {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: outside}, {Name: "l/.wh..wh..opq"}},
		"hard link to the outside":  {{Name: "h", Typeflag: tar.TypeLink, Linkname: victim}},
		"hard link through a link":  {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: outside}, {Name: "h", Typeflag: tar.TypeLink, Linkname: "l/victim"}},
		"whiteout of the folder":    {{Name: ".wh..."}, {Name: ".wh.."}, {Name: "a/.wh.."}, {Name: "a/b/.wh..."}},
		"links that go in a circle": {{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "b"}, {Name: "b", Typeflag: tar.TypeSymlink, Linkname: "a"}, {Name: "a/x"}},
	}
	for name, entries := range tests {
		_, _ = apply(t, layerOf(t, entries...)) // an error is as good
		names, err := os.ReadDir(outside)
		if data, rerr := os.ReadFile(victim); rerr != nil || string(data) != "here" || err != nil || len(names) != 1 {
			t.Fatalf("%s: the file outside is %q, %v", name, data, rerr)
		}
	}
}

func TestSPDX(t *testing.T) {
	tests := map[string]string{
		"Format: https://x\n\nFiles: *\nLicense: GPL-2+\n\nFiles: a\nLicense: Expat and Zlib\n": "GPL-2.0-or-later AND MIT AND Zlib",
		"Format: https://x\nLicense: own licence\n":                                             "LicenseRef-own-licence",
		"This package is free.\n":                                                               "LicenseRef-pkg",
	}
	for text, want := range tests {
		if got := spdx("pkg", text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// TestClosure takes the libraries of a program of this machine, and no others.
func TestClosure(t *testing.T) {
	tr, err := openTree("/")
	if err != nil {
		t.Fatal(err)
	}
	defer tr.close()
	const file = "/bin/cat"
	data, _, err := tr.read(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := inspect(data, "/bin")
	if err != nil || p.loader == "" {
		t.Fatalf("%+v, %v", p, err)
	}
	c := newClosure(tr)
	if err := c.add(file, p); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range c.sorted() {
		names = append(names, l.name)
	}
	if !slices.Contains(names, "libc.so.6") || c.loader.name != p.loader {
		t.Errorf("libraries %q, loader %q", names, c.loader.name)
	}
	p.needed = []string{"libnothing.so.9"}
	if err := newClosure(tr).add(file, p); err == nil {
		t.Error("a library that is not there is no error")
	}
}
