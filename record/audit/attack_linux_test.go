package audit_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/record/audit"
)

const current = "audit-00000000000000000001.jsonl"

// TestGone: the log's file or directory is removed, replaced, cut or written to while it is open.
// From then on the answer is no, whatever comes back.
func TestGone(t *testing.T) {
	for name, tt := range map[string]struct {
		attack func(dir, file string) error
		want   error
		// whole says that the log can be opened again: it is as it was, has a torn line more, or is
		// another one, which only the key tells that was kept elsewhere.
		whole bool
	}{
		"removed": {func(_, file string) error { return os.Remove(file) }, audit.ErrGone, false},
		"renamed": {func(_, file string) error { return os.Rename(file, file+".old") }, audit.ErrGone, false},
		"replaced by a copy": {func(_, file string) error {
			data, err := os.ReadFile(file)
			return errors.Join(err, os.Rename(file, file+".old"), os.WriteFile(file, data, 0o600))
		}, audit.ErrGone, true},
		"a link in its place": {func(_, file string) error {
			return errors.Join(os.Rename(file, file+".old"), os.Symlink(file+".old", file))
		}, audit.ErrGone, false},
		"another name":            {func(_, file string) error { return os.Link(file, file+".old") }, audit.ErrGone, false},
		"cut to nothing":          {func(_, file string) error { return os.Truncate(file, 0) }, audit.ErrGone, false},
		"cut by a byte":           {cutBy(1), audit.ErrGone, false},
		"cut by a line's length":  {cutLine, audit.ErrGone, false},
		"longer":                  {func(_, file string) error { return appendTo(file, "x") }, audit.ErrTouched, true},
		"edited":                  {editIn, audit.ErrTouched, false},
		"the directory renamed":   {func(dir, _ string) error { return os.Rename(dir, dir+".old") }, audit.ErrGone, false},
		"the directory removed":   {func(dir, _ string) error { return os.RemoveAll(dir) }, audit.ErrGone, false},
		"the directory replaced":  {replaceDir, audit.ErrGone, true},
		"the whole file, written": {rewrite, audit.ErrTouched, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := logDir(t)
			l := open(t, dir, audit.Options{Interval: time.Hour})
			appendAll(t, l, begin("a"))
			if err := tt.attack(dir, filepath.Join(dir, current)); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				_, err := l.Append(t.Context(), begin("b"))
				if !errors.Is(err, tt.want) || !errors.Is(err, fault.NoRecord) {
					t.Errorf("error %v, want %v", err, tt.want)
				}
			}
			select {
			case <-l.Lost():
			default:
				t.Error("Lost is not closed")
			}
			if err := l.Err(); !errors.Is(err, tt.want) {
				t.Errorf("Err: %v", err)
			}
			if err := l.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			if _, err := os.Stat(dir); err != nil {
				return
			}
			l, err := audit.Open(dir, audit.Options{})
			if tt.whole {
				closeLog(t, l)
				clean(t, dir, audit.VerifyOptions{})
				return
			}
			if err == nil {
				_ = l.Close()
				t.Error("the log was opened again")
			}
		})
	}
}

func cutBy(n int64) func(string, string) error {
	return func(_, file string) error {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		return os.Truncate(file, info.Size()-n)
	}
}

// cutLine takes the last line out, a checkpoint.
func cutLine(_, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	lines := linesOf(data)
	return os.Truncate(file, int64(len(data)-len(lines[len(lines)-1])))
}

func appendTo(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// tick waits until the kernel's clock for mtime has gone on since a file was written.
func tick(file string) error {
	written, err := os.Stat(file)
	if err != nil {
		return err
	}
	probe := filepath.Join(filepath.Dir(file), "probe")
	for {
		if err := os.WriteFile(probe, nil, 0o600); err != nil {
			return err
		}
		now, err := os.Stat(probe)
		if err != nil {
			return err
		}
		if now.ModTime().After(written.ModTime()) {
			return os.Remove(probe)
		}
	}
}

func editIn(_, file string) error {
	if err := tick(file); err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte("mario"), int64(bytes.Index(data, []byte("alice"))))
	return errors.Join(err, f.Close())
}

func rewrite(_, file string) error {
	if err := tick(file); err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	return errors.Join(err, os.WriteFile(file, data, 0o600))
}

func replaceDir(dir, _ string) error {
	if err := os.Rename(dir, dir+".old"); err != nil {
		return err
	}
	return os.Mkdir(dir, 0o700)
}

// TestNoticed: the log's end is noticed without anybody asking.
func TestNoticed(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{Interval: time.Millisecond})
	if err := os.Remove(filepath.Join(dir, current)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-l.Lost():
	case <-t.Context().Done():
	case <-time.After(10 * time.Second):
		t.Error("it is not noticed")
	}
	_ = l.Close()
}

// TestDiskFull: nothing begins, and what has begun gets its end, all of it.
func TestDiskFull(t *testing.T) {
	disk := testutil.SmallDisk(t, "4m")
	dir := filepath.Join(disk, "audit")
	l := open(t, dir, audit.Options{MaxBytes: 100_000, Interval: time.Hour})
	const under = 100
	for i := range under {
		appendAll(t, l, begin(fmt.Sprint(i)))
	}
	fill(t, filepath.Join(disk, "ballast"))
	refused := 0
	for i := range 2000 { // until the room ahead is used up, and some more
		id := fmt.Sprint("more", i)
		if _, err := l.Append(t.Context(), begin(id)); err != nil {
			if !errors.Is(err, audit.ErrFull) || !errors.Is(err, syscall.ENOSPC) || !errors.Is(err, fault.NoRecord) {
				t.Fatalf("error %v", err)
			}
			refused++
			if refused == 20 {
				break
			}
			continue
		}
		appendAll(t, l, end(id))
	}
	if refused == 0 {
		t.Fatal("nothing was refused")
	}
	if _, err := audit.Open(filepath.Join(disk, "other"), audit.Options{}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("another log: %v", err)
	}
	for i := range under { // as long as an end can be
		e := end(fmt.Sprint(i))
		e.Outcome.Error = string(bytes.Repeat([]byte{0x7f}, 100_000))
		appendAll(t, l, e)
	}
	if err := l.Err(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(disk, "ballast")); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, begin("after"), end("after"))
	closeLog(t, l)
	clean(t, dir, audit.VerifyOptions{Key: firstKey(t, dir)})
	ends := 0
	_, err := audit.Read(os.DirFS(dir), audit.Filter{}, func(e *audit.Entry) error {
		if e.Kind == audit.KindEnd && len(e.ID) < 3 {
			ends++
		}
		return nil
	})
	if err != nil || ends != under {
		t.Errorf("%d ends of %d, %v", ends, under, err)
	}
}

// fill takes all room.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTakeover: who has the host, its key included, from some time on can not take back what was
// sealed before.
func TestTakeover(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{Interval: time.Hour})
	key := firstKey(t, dir)
	appendAll(t, l, begin("intruder"))
	// All that there is, at the moment at which the session has begun.
	loot, err := os.ReadFile(filepath.Join(dir, audit.KeyName))
	if err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)[current].Data
	appendAll(t, l, end("intruder"))
	closeLog(t, l)
	lines := linesOf(before)
	for upto := range lines {
		other := logDir(t)
		err := errors.Join(os.Mkdir(other, 0o700), os.WriteFile(filepath.Join(other, audit.KeyName), loot, 0o600),
			os.WriteFile(filepath.Join(other, current), bytes.Join(lines[:upto], nil), 0o600))
		if err != nil {
			t.Fatal(err)
		}
		forged, err := audit.Open(other, audit.Options{}) // what continues the log, with the key that was taken
		if err == nil {
			_ = forged.Close()
			t.Errorf("cut behind line %d, the log was opened with a later key", upto)
		}
		if r := verify(t, files(t, other), audit.VerifyOptions{Key: key, Running: true}); upto == 0 && r.OK() {
			t.Error("a log without a line is clean")
		}
		r, err := audit.Verify(os.DirFS(other), audit.VerifyOptions{Key: key, Running: true})
		if err != nil || r.OK() {
			t.Errorf("cut behind line %d, with the key beside it: %+v, %v", upto, r, err)
		}
	}
}

// TestResigned: with the current key a line is made anew, but not those behind it.
func TestResigned(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{LateSeal: true, Interval: time.Hour})
	appendAll(t, l, begin("a"), end("a"), begin("b"))
	key, err := os.ReadFile(filepath.Join(dir, audit.KeyName))
	if err != nil {
		t.Fatal(err)
	}
	m := files(t, dir)
	closeLog(t, l)
	lines := linesOf(m[current].Data)
	n := len(lines) - 3
	lines[n] = append(audit.Resigned(lines[n][:len(lines[n])-1], key, "alice", "mario"), '\n')
	r := verify(t, with(m, current, bytes.Join(lines, nil)), audit.VerifyOptions{Running: true})
	if len(r.Findings) != 1 || r.Findings[0].Fault != audit.Edited || r.Findings[0].Line != n+2 {
		t.Errorf("found %+v", r.Findings)
	}
}

// TestKeyErased: no keys but this epoch's and the next one's are on the disk once a begin has
// returned.
func TestKeyErased(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{Interval: time.Hour})
	seeds := map[uint64]string{}
	for i := range 5 {
		appendAll(t, l, begin(fmt.Sprint(i)))
		now := uint64(i) + 3 // opening it has sealed one
		data, err := os.ReadFile(filepath.Join(dir, audit.KeyName))
		if err != nil {
			t.Fatal(err)
		}
		for epoch, seed := range seeds {
			if epoch < now && bytes.Contains(data, []byte(seed)) {
				t.Errorf("in epoch %d the key of epoch %d is on the disk", now, epoch)
			}
		}
		testutil.Wait(t, "the next key", time.Minute, func() bool {
			data, err := os.ReadFile(filepath.Join(dir, audit.KeyName))
			if err != nil {
				t.Fatal(err)
			}
			keys := 0
			for _, half := range [][]byte{data[:4096], data[4096:]} {
				if !bytes.HasPrefix(half, []byte("dlxaudk1")) {
					continue
				}
				epoch, seed := binary.BigEndian.Uint64(half[8:]), string(half[16:48])
				if epoch != now && epoch != now+1 {
					t.Fatalf("in epoch %d there is a key of epoch %d", now, epoch)
				}
				if before := seeds[epoch]; before != "" && before != seed {
					t.Fatalf("epoch %d has two keys", epoch)
				}
				keys++
				seeds[epoch] = seed
			}
			return keys == 2
		})
	}
	closeLog(t, l)
}

// TestAgainst: what a sink has got tells of a cut, whatever is beside the log.
func TestAgainst(t *testing.T) {
	dir := logDir(t)
	var mu sync.Mutex
	var kept bytes.Buffer
	sink := func(_ context.Context, line []byte) error {
		mu.Lock()
		defer mu.Unlock()
		_, err := fmt.Fprintf(&kept, "<110>Nov 30 12:00:00 host dlx-audit: %s\n", line)
		return err
	}
	l := open(t, dir, audit.Options{Sink: sink, SinkRequired: true, Interval: time.Hour})
	appendAll(t, l, begin("a"), end("a"))
	m := files(t, dir)
	closeLog(t, l)
	if n := bytes.Count(kept.Bytes(), []byte("\n")); n != 3 {
		t.Errorf("%d lines kept: %s", n, kept.Bytes())
	}
	against := func() *bytes.Reader { return bytes.NewReader(kept.Bytes()) }
	clean(t, dir, audit.VerifyOptions{Against: against()})
	lines := linesOf(m[current].Data)
	short := with(m, current, bytes.Join(lines[:3], nil))
	if r := verify(t, short, audit.VerifyOptions{Running: true}); !r.OK() {
		t.Errorf("a cut at an epoch's end can not be seen from the log alone: %+v", r.Findings)
	}
	r := verify(t, short, audit.VerifyOptions{Running: true, Against: against()})
	if len(r.Findings) != 2 || r.Findings[0].Fault != audit.Cut {
		t.Errorf("against what was kept: %+v", r.Findings)
	}
	other, _ := sample(t)
	if r := verify(t, other, audit.VerifyOptions{Against: against()}); len(r.Findings) == 0 || r.Findings[0].Fault != audit.Differs {
		t.Errorf("another log: %+v", r.Findings)
	}
	if r := clean(t, dir, audit.VerifyOptions{MaxAge: time.Hour, Now: time.Now()}); !r.Stopped {
		t.Errorf("%+v", r)
	}
	late, err := audit.Verify(os.DirFS(dir), audit.VerifyOptions{MaxAge: time.Hour, Now: time.Now().Add(2 * time.Hour)})
	if err != nil || len(late.Findings) != 1 || late.Findings[0].Fault != audit.Silent {
		t.Errorf("late: %+v, %v", late, err)
	}
}

// TestSinkFails: with a sink that is required nothing begins without it; otherwise it is counted.
func TestSinkFails(t *testing.T) {
	fails := func(context.Context, []byte) error { return errors.New("unplugged") }
	dir := logDir(t)
	l := open(t, dir, audit.Options{Sink: fails, SinkRequired: true, Interval: time.Hour})
	if _, err := l.Append(t.Context(), begin("a")); !errors.Is(err, audit.ErrSink) || !errors.Is(err, fault.NoRecord) {
		t.Errorf("required: %v", err)
	}
	appendAll(t, l, audit.Entry{Kind: audit.KindRefused})
	closeLog(t, l)
	if r := clean(t, dir, audit.VerifyOptions{}); len(r.Notes) == 0 {
		t.Error("no note")
	}
	ended := false
	_, err := audit.Read(os.DirFS(dir), audit.Filter{ID: "a"}, func(e *audit.Entry) error {
		ended = e.Kind == audit.KindEnd
		return nil
	})
	if err != nil || !ended {
		t.Errorf("what was not begun has no end: %v", err)
	}

	hangs := func(ctx context.Context, _ []byte) error { <-ctx.Done(); return ctx.Err() }
	dir = logDir(t)
	l = open(t, dir, audit.Options{Sink: hangs, SinkLimit: 50 * time.Millisecond, Interval: time.Hour})
	for i := range 100 {
		appendAll(t, l, begin(fmt.Sprint(i)), end(fmt.Sprint(i)))
	}
	closeLog(t, l)
	if r := clean(t, dir, audit.VerifyOptions{}); len(r.Notes) == 0 {
		t.Error("no note")
	}
}
