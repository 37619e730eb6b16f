package savefile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"dlx/capture/pcapng"
	"dlx/internal/failpoint"
)

// file is one that is being written.
type file struct {
	f       *os.File // nil for what the caller closes
	w       io.Writer
	name    string
	size    int64
	regular bool
	// reserved is where blocks are allocated up to, beyond the file's end. It is 0 if there are
	// none, and -1 if there can be none.
	reserved int64
}

// Blocks are allocated so many bytes at a time, once the file is that large.
const reserveStep = 32 << 20

// reserve allocates blocks for what will be written next.
func (f *file) reserve(n int) {
	if !f.regular || f.reserved < 0 || f.size < reserveStep/4 || f.size+int64(n) <= f.reserved {
		return
	}
	if !reserve(f.f, f.size, reserveStep) {
		f.reserved = -1
		return
	}
	f.reserved = f.size + reserveStep
}

// trim gives back the blocks beyond the file's end. The file's size stays: ext4 does it all the
// same (ext4_setattr in fs/ext4/inode.c).
func (f *file) trim() error {
	if f.reserved == 0 {
		return nil
	}
	return f.f.Truncate(f.size)
}

// create makes file number n, or empties an existing one. If the stream goes elsewhere, it returns
// what stands for a file.
func (w *Writer) create(n int, at time.Time) (*file, error) {
	if w.o.To != nil {
		return &file{w: w.o.To}, nil
	}
	name, err := w.o.name(n, at)
	if err != nil {
		return nil, err
	}
	f, err := w.place.open(name, w.o.Owner, w.o.Done)
	if err != nil {
		return nil, fmt.Errorf("write the capture: %w", err)
	}
	return &file{f: f, w: rawWriter(f), name: name, regular: true}, nil
}

// write writes whole blocks, or records of pcap. If that fails, those that did not get there whole
// are taken out again.
func (f *file) write(b []byte, records bool) (int, error) {
	f.reserve(len(b))
	n, err := f.w.Write(b)
	if err == nil {
		f.size += int64(n)
		return n, nil
	}
	if !f.regular {
		return n, err // what a pipe has taken can not be taken back
	}
	whole := pcapng.Whole(b[:n])
	if records {
		whole = wholeRecords(b[:n], f.size == 0)
	}
	f.size += int64(whole)
	if named, ok := errors.AsType[*os.PathError](err); ok {
		err = named.Err // the name is WriteError's to say
	}
	if terr := f.f.Truncate(f.size); terr != nil {
		err = errors.Join(err, terr)
	}
	return whole, &WriteError{f.name, f.size, err}
}

// close sees to it that the file is on the disk, and closes it.
func (f *file) close() error {
	if f.f == nil {
		return nil
	}
	var err error
	if f.regular {
		err = errors.Join(f.trim(), f.f.Sync())
	}
	failpoint.At("savefile.synced")
	return errors.Join(err, f.f.Close())
}
