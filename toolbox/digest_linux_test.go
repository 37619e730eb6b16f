package toolbox_test

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"dlx/internal/linux"
	"dlx/toolbox"
)

// TestDigests: where there is time, a file has to fit every digest of the manifest. When it is
// placed, it has to fit at least the quickest.
func TestDigests(t *testing.T) {
	quick := runtime.GOARCH == "amd64"
	for name, tt := range map[string]struct {
		tamper         func(p *parts)
		checked, taken bool
	}{
		"both":         {func(*parts) {}, true, true},
		"changed byte": {func(p *parts) { p.contents["share/text"] = []byte("tixt") }, false, false},
		"other BLAKE3": {func(p *parts) { p.m.Files[1].BLAKE3 = blake3Digest(nil) }, false, !quick},
		"other SHA256": {func(p *parts) { p.m.Files[1].SHA256 = hexDigest(nil) }, false, quick},
		"upper case":   {func(p *parts) { p.m.Files[1].BLAKE3 = string(bytes.ToUpper([]byte(p.m.Files[1].BLAKE3))) }, false, !quick},
	} {
		t.Run(name, func(t *testing.T) {
			p := good().addBLAKE3()
			tt.tamper(p)
			box := verified(t, p)
			expect := func(what string, err error, taken bool) {
				t.Helper()
				if taken != (err == nil) || err != nil && !errors.Is(err, toolbox.ErrChanged) {
					t.Errorf("%s: error %v, taken: want %v", what, err, taken)
				}
			}
			expect("check", box.CheckBytes(), tt.checked)
			expect("copy", box.CopyTo(&bytes.Buffer{}, "share/text"), tt.taken)
			dir, err := linux.OpenPath(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer dir.Close()
			expect("place", box.Place(t.Context(), dir), tt.taken)
		})
	}
}

// TestBuilderDigests compares what a builder lists with the digests of "abc" that FIPS 180-2 (B.1)
// and BLAKE3's authors give.
func TestBuilderDigests(t *testing.T) {
	b := toolbox.Builder{Name: "test", Version: "1", Arch: runtime.GOARCH}
	b.Add("share/abc", []byte("abc"), 0o644, toolbox.Source{})
	made, err := b.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	f := made.Manifest().Files[0]
	if f.SHA256 != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("SHA-256 %s", f.SHA256)
	}
	if f.BLAKE3 != "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85" {
		t.Errorf("BLAKE3 %s", f.BLAKE3)
	}
}
