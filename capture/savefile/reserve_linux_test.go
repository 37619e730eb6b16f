package savefile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestReserve: room beyond the end is given back, the file's size is never that of the room.
func TestReserve(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x")
	w, err := Open(Options{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	packets := stream(10_000)
	written := int64(0)
	blocks := func() (size, allocated int64) {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size(), info.Sys().(*syscall.Stat_t).Blocks * 512
	}
	for written < reserveStep {
		n, err := w.Write(packets)
		if err != nil {
			t.Fatal(err)
		}
		written += int64(n)
		if size, _ := blocks(); size != written {
			t.Fatalf("size %d after %d bytes", size, written)
		}
	}
	if _, allocated := blocks(); w.file.reserved > 0 && allocated < w.file.reserved {
		t.Errorf("%d bytes allocated of %d reserved", allocated, w.file.reserved)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if size, allocated := blocks(); size != written || allocated > written+1<<20 {
		t.Errorf("size %d, allocated %d of %d written bytes", size, allocated, written)
	}
}
