package linux

import (
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSealBusy: a file that is busy for a moment is sealed once it is not.
func TestSealBusy(t *testing.T) {
	var page []byte
	fd, err := SealedProgram("busy", func(w io.Writer) error {
		if _, err := w.Write(make([]byte, os.Getpagesize())); err != nil {
			return err
		}
		var err error
		page, err = unix.Mmap(w.(writer).fd.Int(), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		time.AfterFunc(50*time.Millisecond, func() { _ = unix.Munmap(page) })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	if seals, err := unix.FcntlInt(uintptr(fd.Int()), unix.F_GET_SEALS, 0); err != nil || seals&unix.F_SEAL_WRITE == 0 {
		t.Errorf("seals %#x, %v", seals, err)
	}
}
