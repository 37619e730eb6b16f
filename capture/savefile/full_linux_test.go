package savefile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"dlx/capture/pcapng"
	"dlx/internal/testutil"
)

// TestDiskFull: what fits is kept, whole, and the error says how much it is.
func TestDiskFull(t *testing.T) {
	dir := testutil.SmallDisk(t, "64k")
	for _, format := range []Format{Pcapng, PcapCooked} {
		name := filepath.Join(dir, "x")
		w, err := Open(Options{Name: name, Format: format})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Write(stream(1000))
		var full *WriteError
		if !errors.As(err, &full) || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("error %v, want *WriteError and ENOSPC", err)
		}
		if want := fmt.Sprintf("write %s: no space left on device: the %d bytes up to there are kept", name, full.Kept); err.Error() != want {
			t.Errorf("error %q, want %q", err, want)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		got, err := os.ReadFile(name)
		whole := pcapng.Whole(got)
		if format == PcapCooked {
			whole = wholeRecords(got, true)
		}
		if err != nil || int64(len(got)) != full.Kept || whole != len(got) || len(got) < 60<<10 {
			t.Errorf("%s: %d bytes, %d of them whole, %v; the error says %d", format, len(got), whole, err, full.Kept)
		}
		if format == Pcapng && !bytes.HasPrefix(stream(1000), got) {
			t.Error("the file is not the beginning of the stream")
		}
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

func TestOwner(t *testing.T) {
	testutil.RequireRoot(t)
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint32{filepath.Join(dir, "new"): 1234, there: 0} {
		w, err := Open(Options{Name: name, Owner: &Owner{UID: 1234, GID: 1234}})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		info, err := os.Stat(name)
		if err != nil || info.Sys().(*syscall.Stat_t).Uid != want {
			t.Errorf("%s: %v, owner %v, want %d", name, err, info.Sys(), want)
		}
	}
}
