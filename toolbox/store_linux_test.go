package toolbox_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/toolbox"
)

func TestStore(t *testing.T) {
	key, public := keyPair(t)
	policy := &toolbox.Policy{Trust: toolbox.NewTrust(public), Now: now}
	dir := filepath.Join(t.TempDir(), "toolboxes")
	s := toolbox.NewStore(dir)
	if list, err := s.List(); len(list) != 0 || err != nil {
		t.Errorf("an empty store has %v, %v", list, err)
	}
	newer := good()
	newer.m.Version, newer.m.Sequence = "2/../x", 8
	for _, p := range []*parts{good(), newer, good()} {
		if _, err := s.Import(signed(t, p, key), policy); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.List()
	var got []string
	for _, e := range list {
		got = append(got, e.Title())
	}
	if diff := cmp.Diff([]string{"test 2/../x", "test 1"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for ref, want := range map[string]string{"test": "2/../x", "test@1": "1"} {
		if b, err := s.Find(ref); err != nil || b.Manifest().Version != want {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if _, err := s.Find("test@3"); !errors.Is(err, fault.NoToolbox) || len(fault.Of(err).Detail) != 2 {
		t.Errorf("test@3: %v", err)
	}
	other := good()
	other.m.Created = now
	if _, err := s.Import(signed(t, other, key), policy); !errors.Is(err, fault.ToolboxExists) {
		t.Errorf("another bundle of the same name and version: %v", err)
	}
	changed := good()
	changed.m.Version = "3"
	changed.contents["bin/tool"] = []byte("#!fool")
	if _, err := s.Import(signed(t, changed, key), policy); !errors.Is(err, toolbox.ErrChanged) {
		t.Errorf("a changed byte: %v", err)
	}
	if _, err := s.Import(good().bundle(t), policy); !errors.Is(err, toolbox.ErrUnsigned) {
		t.Errorf("unsigned: %v", err)
	}
	names(t, dir, "store.lock", "test_1_"+newer.m.Arch+".tar", "test_2-..-x_"+newer.m.Arch+".tar")
}

// TestImportTogether imports many at once. What killed imports leave is gone after the next.
func TestImportTogether(t *testing.T) {
	key, public := keyPair(t)
	policy := &toolbox.Policy{Trust: toolbox.NewTrust(public), Now: now}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".new-123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		b := signed(t, good(), key)
		wg.Go(func() { _, errs[i] = toolbox.NewStore(dir).Import(b, policy) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	names(t, dir, "store.lock", "test_1_"+good().m.Arch+".tar")
}

// TestFullDisk: what does not fit leaves nothing behind, and what was there stays.
func TestFullDisk(t *testing.T) {
	key, public := keyPair(t)
	policy := &toolbox.Policy{Trust: toolbox.NewTrust(public), Now: now}
	dir := testutil.SmallDisk(t, "64k")
	s := toolbox.NewStore(dir)
	if _, err := s.Import(signed(t, good(), key), policy); err != nil {
		t.Fatal(err)
	}
	large := good()
	large.m.Version = "2"
	large.replace([]byte(strings.Repeat("x", 100_000)))
	if _, err := s.Import(signed(t, large, key), policy); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want ENOSPC", err)
	}
	names(t, dir, "store.lock", "test_1_"+large.m.Arch+".tar")
}

// TestLeftovers: the store has a lock, and so has the record of what was used. Under one of them
// nothing is removed that is being written under the other.
func TestLeftovers(t *testing.T) {
	key, public := keyPair(t)
	dir := t.TempDir()
	box, record := filepath.Join(dir, ".new-test_1.tar-1"), filepath.Join(dir, ".new-seen.json-1")
	if err := errors.Join(os.WriteFile(box, nil, 0o600), os.WriteFile(record, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	s := toolbox.NewStore(dir)
	v, err := s.Import(signed(t, good(), key), &toolbox.Policy{Trust: toolbox.NewTrust(public), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	stored := "test_1_" + good().m.Arch + ".tar"
	names(t, dir, ".new-seen.json-1", "store.lock", stored)
	if err := os.WriteFile(box, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	seen, err := s.Seen()
	if err == nil {
		err = seen.Record(v)
	}
	if err != nil {
		t.Fatal(err)
	}
	names(t, dir, ".new-test_1.tar-1", "seen.json", "seen.json.lock", "store.lock", stored)
}

func TestSeen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "seen.json")
	s, err := toolbox.OpenSeen(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Record(verified(t, good())); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := toolbox.OpenSeen(file); err == nil {
		t.Error("a broken record is taken for an empty one")
	}
}
