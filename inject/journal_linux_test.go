package inject_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/fault"
	"dlx/inject"
	"dlx/internal/linux"
	"dlx/internal/outfile"
	"dlx/internal/testutil"
	"dlx/toolbox"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// TestJournalUnreadable: records that can not be read are told of, each by its file, beside those
// that can.
func TestJournalUnreadable(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"good.json": `{"id": "good", "name": "web"}`, "cut.json": `{"id": "cu`, "other.json": `{"id": "x"}`, "empty.json": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	journal, err := inject.OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	records, err := journal.All()
	if diff := cmp.Diff([]*inject.Record{{ID: "good", Name: "web"}}, records); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	all, ok := err.(interface{ Unwrap() []error })
	if !ok || len(all.Unwrap()) != 3 {
		t.Fatalf("error %v, want three", err)
	}
	for _, err := range all.Unwrap() {
		if !errors.Is(err, fault.BadRecord) || filepath.Dir(fault.Of(err).Target) != dir {
			t.Errorf("error %#v, want fault.BadRecord", err)
		}
	}
}

// TestJournalLock: a link or a FIFO in the lock's place is no lock, and nothing is made where it
// leads.
func TestJournalLock(t *testing.T) {
	for want, plant := range map[error]func(lock string) error{
		outfile.ErrLink:       func(lock string) error { return os.Symlink("made", lock) },
		outfile.ErrNotRegular: func(lock string) error { return syscall.Mkfifo(lock, 0o600) },
	} {
		dir := t.TempDir()
		if err := plant(filepath.Join(dir, "lock")); err != nil {
			t.Fatal(err)
		}
		if _, err := inject.OpenJournal(dir); !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
		if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
			t.Errorf("the journal has %v, %v", list, err)
		}
	}
}

// TestJournalOwner: a journal that somebody else can write to is not used.
func TestJournalOwner(t *testing.T) {
	testutil.RequireRoot(t) // chown
	for name, tt := range map[string]struct {
		change func(dir string) error
		want   fault.Kind
	}{
		"owner":    {func(dir string) error { return os.Chown(dir, linux.Nobody, linux.Nobody) }, fault.NotOwned},
		"writable": {func(dir string) error { return os.Chmod(dir, 0o777) }, fault.Writable},
	} {
		dir := t.TempDir()
		if err := tt.change(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := inject.OpenJournal(dir); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %s", name, err, tt.want)
		}
	}
}

// TestRecordIsOf: the toolbox that comes with dlx, the last one, makes no difference, and the
// others' order does.
func TestRecordIsOf(t *testing.T) {
	own, newer, a, b := toolbox.Part{Digest: "own"}, toolbox.Part{Digest: "newer"}, toolbox.Part{Digest: "a"}, toolbox.Part{Digest: "b"}
	for _, tt := range []struct {
		there, asked []toolbox.Part
		want         bool
	}{
		{[]toolbox.Part{a, b, own}, []toolbox.Part{a, b, newer}, true},
		{[]toolbox.Part{a, b, own}, []toolbox.Part{b, a, own}, false},
		{[]toolbox.Part{a, b, own}, []toolbox.Part{a, own}, false},
		{[]toolbox.Part{own}, []toolbox.Part{a, own}, false},
		{nil, []toolbox.Part{a, own}, false}, // of an older dlx
		{nil, []toolbox.Part{own}, true},
	} {
		if got := (&inject.Record{Toolboxes: tt.there}).IsOf(tt.asked); got != tt.want {
			t.Errorf("%v is of %v: %v", tt.there, tt.asked, got)
		}
	}
}

// TestJournalSwept: what a kill has kept from becoming a record goes when the journal is opened
// next; records stay.
func TestJournalSwept(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".new-123", "good.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(`{"id": "good"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	journal, err := inject.OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	if _, err := os.Stat(filepath.Join(dir, ".new-123")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the rest is there: %v", err)
	}
	if record, err := journal.Get("good"); err != nil || record == nil {
		t.Errorf("record %v, %v", record, err)
	}
}

// TestJournalIDs: an ID is free text to some runtimes, and a record stays in the journal.
func TestJournalIDs(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "journal")
	outside := filepath.Join(top, "x.json")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(outside, []byte(`{"id": "../x"}`), 0o600)); err != nil {
		t.Fatal(err)
	}
	journal, err := inject.OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	ids := []string{"..", "../x", "a", "containerd://k8s.io/0123"}
	for _, id := range ids {
		if r, err := journal.Get(id); r != nil || err != nil {
			t.Errorf("%s: record %+v, %v, before there is one", id, r, err)
		}
		name := url.PathEscape(id) + ".json"
		if err := os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, `{"id": %q}`, id), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	records, err := journal.All()
	if len(records) != len(ids) || err != nil {
		t.Errorf("all: %d records, %v", len(records), err)
	}
	for _, id := range ids {
		r, err := journal.Get(id)
		if err != nil || r == nil || r.ID != id {
			t.Errorf("%s: record %+v, %v", id, r, err)
		}
		if err := journal.Forget(id); err != nil {
			t.Error(err)
		}
	}
	if left, err := journal.All(); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
}
