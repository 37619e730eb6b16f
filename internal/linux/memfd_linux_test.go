package linux

import (
	"errors"
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

// TestSealHeld: whoever keeps a file busy holds dlx up for a moment, and no longer.
func TestSealHeld(t *testing.T) {
	var page []byte
	began := time.Now()
	fd, err := SealedProgram("held", func(w io.Writer) (err error) {
		if _, err := w.Write(make([]byte, os.Getpagesize())); err != nil {
			return err
		}
		page, err = unix.Mmap(w.(writer).fd.Int(), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		return err
	})
	if err == nil {
		fd.Close()
	}
	if !errors.Is(err, unix.EBUSY) || time.Since(began) > 30*time.Second {
		t.Errorf("after %v: %v, want EBUSY", time.Since(began), err)
	}
	if err := unix.Munmap(page); err != nil {
		t.Error(err)
	}
}
