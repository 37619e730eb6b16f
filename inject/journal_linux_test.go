package inject_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/inject"
	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// TestJournalUnreadable: records that can not be read are told of, each by its file, beside those that can.
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
		if bad, ok := errors.AsType[*inject.RecordError](err); !ok || filepath.Dir(bad.Path) != dir {
			t.Errorf("error %#v, want *inject.RecordError", err)
		}
	}
}
