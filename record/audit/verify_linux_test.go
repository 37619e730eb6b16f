package audit_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"

	"dlx/record/audit"
)

// sample is a log that was closed, of several files and epochs, and its first key.
func sample(t testing.TB) (fstest.MapFS, *audit.PublicKey) {
	t.Helper()
	dir := logDir(t)
	for range 2 {
		l := open(t, dir, audit.Options{MaxBytes: 2000})
		appendAll(t, l, begin("a"), audit.Entry{Kind: audit.KindRefused, Verb: "debug"}, end("a"))
		closeLog(t, l)
	}
	m := files(t, dir)
	if len(m) < 3 {
		t.Fatalf("%d files", len(m))
	}
	return m, firstKey(t, dir)
}

// with is a log with one file's bytes replaced, or without the file.
func with(m fstest.MapFS, name string, data []byte) fstest.MapFS {
	m = maps.Clone(m)
	if delete(m, name); data != nil {
		m[name] = &fstest.MapFile{Data: data, Mode: 0o600}
	}
	return m
}

var long = flag.Bool("long", false, "try every byte")

// TestManipulated: whatever is edited, removed, repeated, moved or cut off is found.
func TestManipulated(t *testing.T) {
	m, key := sample(t)
	o := audit.VerifyOptions{Key: key}
	if r := verify(t, m, o); !r.OK() {
		t.Fatalf("as it was written: %+v", r)
	}
	found := func(what string, m fstest.MapFS) {
		t.Helper()
		r := verify(t, m, o)
		if r.OK() {
			t.Errorf("%s is not found", what)
			return
		}
		if f := r.Findings[0]; f.File == "" && len(m) > 0 || f.Text == "" || f.Seq == 0 && f.Fault != audit.Foreign {
			t.Errorf("%s: %+v", what, f)
		}
	}
	for name, f := range m {
		for i := range f.Data {
			if few := map[bool]int{false: 10, true: 30}[testing.Short()]; !*long && rand.IntN(few) > 0 {
				continue
			}
			edited := bytes.Clone(f.Data)
			edited[i] ^= 1 << rand.IntN(8)
			found(fmt.Sprintf("%s: byte %d from %q to %q", name, i, f.Data[i], edited[i]), with(m, name, edited))
			found(fmt.Sprintf("%s: cut at %d", name, i), with(m, name, append([]byte{}, f.Data[:i]...)))
		}
		found(name+" removed", with(m, name, nil))
		lines := linesOf(f.Data)
		for i := range lines {
			found(fmt.Sprintf("%s: line %d removed", name, i+1), with(m, name, bytes.Join(slices.Delete(slices.Clone(lines), i, i+1), nil)))
			found(fmt.Sprintf("%s: line %d twice", name, i+1), with(m, name, bytes.Join(slices.Insert(slices.Clone(lines), i, lines[i]), nil)))
			for j := range i {
				swapped := slices.Clone(lines)
				swapped[i], swapped[j] = swapped[j], swapped[i]
				found(fmt.Sprintf("%s: lines %d and %d swapped", name, j+1, i+1), with(m, name, bytes.Join(swapped, nil)))
			}
		}
		for other, g := range m {
			if other < name {
				found(name+" and "+other+" swapped", with(with(m, name, g.Data), other, f.Data))
				found(name+" in place of "+other, with(m, other, f.Data))
			}
		}
	}
	found("nothing left", fstest.MapFS{})
}

// TestForeign: a log made anew by somebody who can write all of it is found by the key that was
// kept elsewhere, and only by that.
func TestForeign(t *testing.T) {
	_, key := sample(t)
	other, _ := sample(t)
	r := verify(t, other, audit.VerifyOptions{Key: key})
	if len(r.Findings) != 1 || r.Findings[0].Fault != audit.Foreign {
		t.Errorf("with the key: %+v", r.Findings)
	}
	if r := verify(t, other, audit.VerifyOptions{}); !r.OK() || r.Anchored != 0 {
		t.Errorf("without the key: %+v", r)
	}
}

// TestPlaces: findings say where.
func TestPlaces(t *testing.T) {
	m, _ := sample(t)
	names := slices.Sorted(maps.Keys(m))
	lines := linesOf(m[names[0]].Data)
	edited := slices.Clone(lines)
	edited[3] = bytes.Replace(lines[3], []byte("alice"), []byte("mario"), 1)
	r := verify(t, with(m, names[0], bytes.Join(edited, nil)), audit.VerifyOptions{})
	want := audit.Finding{Fault: audit.Edited, File: names[0], Line: 4, Seq: 4, Text: "its signature is not that of epoch 2's key: it was edited or added"}
	if len(r.Findings) != 1 || r.Findings[0] != want {
		t.Errorf("edited: %+v, want %+v", r.Findings, want)
	}
	r = verify(t, with(m, names[0], bytes.Join(slices.Delete(slices.Clone(lines), 3, 4), nil)), audit.VerifyOptions{})
	want = audit.Finding{Fault: audit.Removed, File: names[0], Line: 4, Seq: 5, Text: "what was before it was removed or moved: entry 4"}
	if len(r.Findings) != 1 || r.Findings[0] != want {
		t.Errorf("removed: %+v, want %+v", r.Findings, want)
	}
	r = verify(t, with(m, names[0], bytes.Join(slices.Insert(slices.Clone(lines), 3, lines[3]), nil)), audit.VerifyOptions{})
	want = audit.Finding{Fault: audit.Moved, File: names[0], Line: 5, Seq: 4, Text: "comes after entry 4: it was repeated or moved"}
	if len(r.Findings) != 1 || r.Findings[0] != want {
		t.Errorf("repeated: %+v, want %+v", r.Findings, want)
	}
	const later = "audit-00000000000000000002.jsonl"
	r = verify(t, with(with(m, names[0], nil), later, m[names[0]].Data), audit.VerifyOptions{})
	want = audit.Finding{Fault: audit.Moved, File: later, Line: 1, Seq: 1, Text: "is a file in line 1 of the file for entries from 2 on"}
	if len(r.Findings) != 1 || r.Findings[0] != want {
		t.Errorf("renamed: %+v, want %+v", r.Findings, want)
	}
	r = verify(t, with(with(m, names[1], nil), names[0], slices.Concat(m[names[0]].Data, m[names[1]].Data)), audit.VerifyOptions{})
	if len(r.Findings) != 1 || r.Findings[0].Fault != audit.Moved || r.Findings[0].Line != len(lines)+1 {
		t.Errorf("joined: %+v", r.Findings)
	}
	r = verify(t, with(m, names[0], nil), audit.VerifyOptions{})
	if len(r.Findings) != 1 || r.Findings[0].Fault != audit.Missing || r.Findings[0].File != names[1] || r.Findings[0].Line != 1 {
		t.Errorf("the first file removed: %+v", r.Findings)
	}
}

// TestArchived: older files were moved away. The key of the epoch in which the others begin vouches
// for these.
func TestArchived(t *testing.T) {
	m, key := sample(t)
	rest := with(m, slices.Sorted(maps.Keys(m))[0], nil)
	later, err := audit.FirstKey(rest)
	if err != nil {
		t.Fatal(err)
	}
	r := verify(t, rest, audit.VerifyOptions{Key: later})
	if !r.OK() || r.Anchored != r.First || r.First == 1 || len(r.Notes) == 0 {
		t.Errorf("with the later key: %+v", r)
	}
	if r := verify(t, m, audit.VerifyOptions{Key: later}); !r.OK() || r.Anchored < 2 {
		t.Errorf("all of it, with the later key: %+v", r)
	}
	if r := verify(t, rest, audit.VerifyOptions{Key: key}); len(r.Findings) != 2 {
		t.Errorf("with the first key: %+v", r.Findings)
	}
}

func FuzzVerify(f *testing.F) {
	m, _ := sample(f)
	names := slices.Sorted(maps.Keys(m))
	f.Add(m[names[0]].Data, m[names[1]].Data)
	f.Add([]byte(`{"v":1,"seq":1,"kind":"file"`+"\n"), []byte{})
	f.Add([]byte(`{"v":1,"seq":1,"kind":"file","file":{"torn":{"offset":-1,"bytes":-5}}}`+"\n"), []byte("\n\n"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		log := fstest.MapFS{names[0]: {Data: a}, names[1]: {Data: b}, audit.KeyName: {Data: b}}
		r, err := audit.Verify(log, audit.VerifyOptions{Against: bytes.NewReader(b)})
		if err != nil {
			t.Fatal(err)
		}
		if r.OK() && !bytes.Equal(a, m[names[0]].Data) {
			t.Errorf("nothing found in %q, %q", a, b)
		}
		if _, err := audit.Read(log, audit.Filter{}, func(*audit.Entry) error { return nil }); err != nil {
			t.Error(err)
		}
		_, _ = audit.FirstKey(log)
	})
}
