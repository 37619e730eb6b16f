package audit_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dlx/fault"
	"dlx/internal/outfile"
	"dlx/record/audit"
)

func TestLog(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{Program: "test"})
	appendAll(t, l, begin("a"), begin("b"), end("a"))
	closeLog(t, l)
	key := firstKey(t, dir)
	l = open(t, dir, audit.Options{})
	appendAll(t, l, audit.Entry{Kind: audit.KindRefused, Verb: "debug"})
	running := clean(t, dir, audit.VerifyOptions{Key: key, Running: true})
	closeLog(t, l)
	r := clean(t, dir, audit.VerifyOptions{Key: key})
	if r.Anchored != 1 || !r.Stopped || r.Last != running.Last+1 || r.Sealed != r.Last || r.First != 1 || r.Key != key.ID() {
		t.Errorf("report %+v", r)
	}
	var kinds []string
	bad, err := audit.Read(os.DirFS(dir), audit.Filter{}, func(e *audit.Entry) error {
		kinds = append(kinds, string(e.Kind))
		return nil
	})
	want := "file start checkpoint begin checkpoint begin checkpoint end stop start checkpoint refused stop"
	if got := strings.Join(kinds, " "); got != want || bad != 0 || err != nil {
		t.Errorf("%s, %d bad, %v, want %s", got, bad, err, want)
	}
	for name, mode := range map[string]os.FileMode{"": 0o700, "audit.key": 0o600, "lock": 0o600, "audit-00000000000000000001.jsonl": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestFilter(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{})
	other := begin("b")
	other.Who, other.Target, other.Verb = &audit.Who{User: "bob"}, &audit.Target{Name: "db", ID: "aa55"}, "capture"
	appendAll(t, l, begin("a"), other, end("b"), end("a"))
	closeLog(t, l)
	for name, f := range map[string]audit.Filter{
		"user": {User: "bob"}, "name": {Target: "db"}, "prefix": {Target: "aa"}, "verb": {Verb: "capture"}, "ID": {ID: "b"},
		"time": {Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour), User: "bob"},
	} {
		var got []string
		_, err := audit.Read(os.DirFS(dir), f, func(e *audit.Entry) error {
			got = append(got, string(e.Kind)+" "+e.ID)
			return nil
		})
		if err != nil || strings.Join(got, ", ") != "begin b, end b" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, f := range []audit.Filter{{Since: time.Now().Add(time.Hour)}, {Until: time.Now().Add(-time.Hour)}} {
		if _, err := audit.Read(os.DirFS(dir), f, func(e *audit.Entry) error { return errors.New(string(e.Kind)) }); err != nil {
			t.Errorf("outside of the time: %v", err)
		}
	}
}

// TestRefuses: what can not be recorded is an error of the kind, and says why.
func TestRefuses(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{MaxOpen: 2})
	appendAll(t, l, begin("a"), begin("b"))
	for id, want := range map[string]error{"c": audit.ErrTooMany, "a": audit.ErrBadID, "../x": audit.ErrBadID, "": audit.ErrBadID, ".x": audit.ErrBadID} {
		if _, err := l.Append(t.Context(), begin(id)); !errors.Is(err, want) || !errors.Is(err, fault.NoRecord) {
			t.Errorf("%q: %v, want %v", id, err, want)
		}
	}
	if _, err := audit.Open(dir, audit.Options{}); !errors.Is(err, audit.ErrLocked) {
		t.Errorf("a second writer: %v", err)
	}
	if running, err := audit.Running(dir); !running || err != nil {
		t.Errorf("running: %v, %v", running, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(gone, begin("d")); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	closeLog(t, l)
	if _, err := l.Append(t.Context(), begin("d")); !errors.Is(err, audit.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	clean(t, dir, audit.VerifyOptions{})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Open(dir, audit.Options{}); !errors.Is(err, outfile.ErrExposed) {
		t.Errorf("others may look into it: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := errors.Join(os.Chmod(dir, 0o700), os.Symlink(dir, link)); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Open(link, audit.Options{}); err == nil {
		t.Error("a link was followed")
	}
}

// TestClipped: what is too long for a line is there with its beginning and the whole's digest.
func TestClipped(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{})
	e := begin("a")
	e.Session.Command = []string{"sh", "-c", strings.Repeat("\x1b", 1<<20), "last"}
	e.Reason = "\xff not UTF-8"
	o := end("a")
	o.Outcome.Error = strings.Repeat("\u009b", 1<<20)
	appendAll(t, l, e, o)
	closeLog(t, l)
	clean(t, dir, audit.VerifyOptions{})
	for _, line := range linesOf(files(t, dir)["audit-00000000000000000001.jsonl"].Data) {
		if len(line) > audit.MaxLine || bytes.ContainsAny(line[:len(line)-1], "\x1b\u009b\n") {
			t.Errorf("%d bytes: %.100q", len(line), line)
		}
	}
	_, err := audit.Read(os.DirFS(dir), audit.Filter{ID: "a"}, func(e *audit.Entry) error {
		t.Logf("%s: %+v", e.Kind, e.Clipped)
		if len(e.Clipped) == 0 || e.Clipped[len(e.Clipped)-1].Bytes < 1<<20 || len(e.Clipped[0].SHA256) != 64 {
			t.Errorf("%s: %+v", e.Kind, e.Clipped)
		}
		if e.Kind == audit.KindBegin && (e.Reason != "\ufffd not UTF-8" || len(e.Session.Command) != 3 || e.Clipped[0].Field != "reason") {
			t.Errorf("begin: %q, %d, %+v", e.Reason, len(e.Session.Command), e.Clipped)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestClock: the clock is set back, and forward. The sequence decides; the step is told of.
func TestClock(t *testing.T) {
	dir := logDir(t)
	var mu sync.Mutex
	wall, mono := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), time.Duration(0)
	move := func(w, m time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		wall, mono = wall.Add(w), mono+m
	}
	o := audit.Options{Interval: time.Hour}.WithClock(func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return wall
	}, func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return mono
	})
	l := open(t, dir, o)
	appendAll(t, l, begin("a"))
	move(-time.Hour, time.Minute)
	back := appendAll(t, l, end("a"))
	move(time.Minute, time.Minute)
	appendAll(t, l, begin("b"), end("b"))
	move(2*time.Hour, time.Second)
	forward := appendAll(t, l, begin("c"))
	closeLog(t, l)
	move(-24*time.Hour, 0)
	l = open(t, dir, o)
	closeLog(t, l)
	r := clean(t, dir, audit.VerifyOptions{})
	steps := map[uint64]string{}
	for _, n := range r.Notes {
		steps[n.Seq] = n.Text
	}
	want := map[uint64]string{back: "the clock was set by -1h1m0s", forward: "the clock was set by 1h59m59s", forward + 3: "the clock was set by -24h0m0s"}
	for seq, text := range want {
		if steps[seq] != text {
			t.Errorf("entry %d: %q, want %q; all %v", seq, steps[seq], text, steps)
		}
	}
	if len(steps) != len(want) {
		t.Errorf("steps %v", steps)
	}
}

// TestRotate: files by size and by age, under load; the chain goes over all of them.
func TestRotate(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{MaxBytes: 20_000})
	const appenders, each = 100, 5
	var wg sync.WaitGroup
	seen := sync.Map{}
	for range appenders {
		wg.Go(func() {
			for range each {
				id := newID()
				for _, e := range []audit.Entry{begin(id), end(id)} {
					seq, err := l.Append(t.Context(), e)
					if err != nil {
						t.Error(err)
						return
					}
					if _, twice := seen.LoadOrStore(seq, id); twice {
						t.Errorf("entry %d twice", seq)
					}
				}
			}
		})
	}
	wg.Wait()
	closeLog(t, l)
	r := clean(t, dir, audit.VerifyOptions{Key: firstKey(t, dir)})
	if r.Files < 10 || r.Entries < 2*appenders*each {
		t.Errorf("report %+v", r)
	}
	_, err := audit.Read(os.DirFS(dir), audit.Filter{}, func(e *audit.Entry) error {
		if id, ok := seen.LoadAndDelete(e.Seq); ok && id != e.ID {
			t.Errorf("entry %d is %s's, and %s was told so", e.Seq, e.ID, id)
		}
		return nil
	})
	seen.Range(func(seq, id any) bool {
		t.Errorf("entry %v of %v is not there", seq, id)
		return true
	})
	if err != nil {
		t.Error(err)
	}
	for name := range files(t, dir) {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || allocated(info) > info.Size()+8192 {
			t.Errorf("%s: %d bytes take %d: %v", name, info.Size(), allocated(info), err)
		}
	}
}

func TestRotateByAge(t *testing.T) {
	dir := logDir(t)
	mono := time.Duration(0)
	l := open(t, dir, audit.Options{Interval: time.Hour}.WithClock(time.Now, func() time.Duration { return mono }))
	appendAll(t, l, begin("a"))
	mono += 25 * time.Hour // nobody else reads it: the writer waits for an entry
	appendAll(t, l, end("a"))
	closeLog(t, l)
	if r := clean(t, dir, audit.VerifyOptions{}); r.Files != 2 {
		t.Errorf("%d files", r.Files)
	}
}

// TestFollows: a log is not opened whose last file does not follow from the one before.
func TestFollows(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{MaxBytes: 2000})
	appendAll(t, l, begin("a"), end("a"), begin("b"), end("b"), begin("c"), end("c"), begin("d"))
	closeLog(t, l)
	names, err := audit.Files(os.DirFS(dir))
	if err != nil || len(names) < 3 {
		t.Fatalf("%q, %v", names, err)
	}
	if err := os.Remove(filepath.Join(dir, names[len(names)-2])); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Open(dir, audit.Options{}); !errors.Is(err, audit.ErrTampered) || !errors.Is(err, fault.NoRecord) {
		t.Errorf("error %v", err)
	}
}

// TestUnfinished: what has begun under a writer that was killed is told of by the next one, also
// when it began some files before.
func TestUnfinished(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{MaxBytes: 5000})
	appendAll(t, l, begin("first"))
	for range 20 {
		id := newID()
		appendAll(t, l, begin(id), end(id))
	}
	other := filepath.Join(t.TempDir(), "copy") // as it would be after kill -9
	if err := os.CopyFS(other, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	if err := private(other); err != nil {
		t.Fatal(err)
	}
	if r, err := audit.Verify(os.DirFS(other), audit.VerifyOptions{}); err != nil || len(r.Findings) != 1 || r.Findings[0].Fault != audit.Cut {
		t.Errorf("before it is opened: %+v, %v", r, err)
	}
	for range 2 {
		closeLog(t, open(t, other, audit.Options{}))
	}
	clean(t, other, audit.VerifyOptions{Key: firstKey(t, dir)})
	var unfinished []string
	_, err := audit.Read(os.DirFS(other), audit.Filter{}, func(e *audit.Entry) error {
		if e.Kind == audit.KindStart {
			if unfinished = append(unfinished, e.Start.Unfinished...); e.Start.Killed != (len(e.Start.Unfinished) > 0) {
				t.Errorf("start %+v", e.Start)
			}
		}
		return nil
	})
	if err != nil || len(unfinished) != 1 || unfinished[0] != "first" {
		t.Errorf("unfinished %q, %v", unfinished, err)
	}
}
