package build

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// FuzzLayer applies two layers and looks at what lies beside the folder: nothing is made, changed
// or taken away there.
func FuzzLayer(f *testing.F) {
	for _, entries := range [][]tar.Header{
		{{Name: "usr/bin/", Typeflag: tar.TypeDir}, {Name: "bin", Typeflag: tar.TypeSymlink, Linkname: "/usr/bin"}, {Name: "bin/a"}},
		{{Name: "../victim"}, {Name: "l", Typeflag: tar.TypeSymlink, Linkname: "../.."}, {Name: "l/victim"}, {Name: "l/.wh.victim"}},
		{{Name: "a/.wh..wh..opq"}, {Name: ".wh..."}, {Name: "h", Typeflag: tar.TypeLink, Linkname: "../victim"}},
		{{Name: "d", Typeflag: tar.TypeChar}, {Name: "p", Typeflag: tar.TypeFifo}, {Name: "d/x"}, {Name: "/victim"}},
	} {
		layer, err := io.ReadAll(layerOf(f, entries...))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(layer, layer)
	}
	f.Fuzz(func(t *testing.T, lower, upper []byte) {
		parent := t.TempDir()
		victim, dir := filepath.Join(parent, "victim"), filepath.Join(parent, "layer")
		if err := errors.Join(os.WriteFile(victim, []byte("here"), 0o600), os.Mkdir(dir, 0o755)); err != nil {
			t.Fatal(err)
		}
		tr, err := openTree(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer tr.close()
		u := &unpacking{tree: tr, left: 1 << 20}
		for _, l := range [][]byte{lower, upper} {
			_ = u.layer(bytes.NewReader(l)) // an error is as good
		}
		names, err := os.ReadDir(parent)
		if data, rerr := os.ReadFile(victim); rerr != nil || string(data) != "here" || err != nil || len(names) != 2 {
			t.Fatalf("the file outside is %q, %v; beside it are %v, %v", data, rerr, names, err)
		}
	})
}
