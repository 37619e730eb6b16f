package toolbox

import (
	"errors"
	"io"
	"testing"
)

// other is a file that has other bytes than those in memory.
type other struct{ closed bool }

func (o *other) readAt(buf, _ []byte) error { clear(buf); return nil }
func (o *other) Close() error               { o.closed = true; return nil }

// TestOriginIsChecked: what is placed is what was read, and that is compared with the manifest.
func TestOriginIsChecked(t *testing.T) {
	b, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	file := &other{}
	b.from = &origin{open: func() image { return file }}
	v, err := Inspect(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.CheckBytes(); !errors.Is(err, ErrChanged) {
		t.Errorf("error %v, want %v", err, ErrChanged)
	}
	if !file.closed {
		t.Error("the file was not closed")
	}
	b.from = &origin{open: func() image { return nil }}
	if v, err = Inspect(b); err != nil {
		t.Fatal(err)
	}
	if err := v.CheckBytes(); err != nil {
		t.Errorf("from memory: %v", err)
	}
}

// TestDefaultIsReadFromItsFile: what is slower would be as right, and so be noticed by nobody.
func TestDefaultIsReadFromItsFile(t *testing.T) {
	v, err := VerifyDefault()
	if err != nil {
		t.Fatal(err)
	}
	r := v.reader()
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, f := range v.files {
		if f.Link != "" || f.from == nil { // dlx without a bundle is its own toolbox
			continue
		}
		if r.image(f) == nil {
			t.Fatal("the program's file was not found")
		}
		if err := r.copy(t.Context(), io.Discard, f, f.quickSum()); err != nil {
			t.Error(err)
		}
	}
}
