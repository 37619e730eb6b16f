package captures

import (
	"encoding/hex"
	"fmt"
	"io"

	"dlx/fault"
	"dlx/internal/linux"
)

// File is what there was of a capture's file when it was opened. What is written later is not in
// it. Its owner closes it.
type File struct {
	Info   Info
	Size   int64
	SHA256 []byte // of all of it

	fd *linux.FD
}

// Open opens the file for reading.
func (c *Capture) Open() (*File, error) {
	if !c.begun() {
		return nil, fault.New(fault.NoCapture, c.id, "the capture %s has not begun", c.id)
	}
	if c.unknown() { // the agent ended before its end
		c.io.Lock()
		err := c.lookThrough()
		c.io.Unlock()
		if err != nil {
			return nil, err
		}
	}
	fd, err := linux.OpenBeneath(c.store.dir, c.Name(), linux.ORead|linux.ONonblock|linux.ONoctty)
	if err != nil {
		return nil, fmt.Errorf("open the capture %s: %w", c.id, err)
	}
	f := &File{Info: c.Info(), fd: fd}
	c.mu.Lock()
	f.Size = int64(c.state.Info.Bytes)
	if c.sum != nil {
		f.SHA256 = c.sum.Sum(nil)
	}
	c.mu.Unlock()
	if f.SHA256 == nil {
		f.SHA256, err = hex.DecodeString(f.Info.SHA256)
	}
	st, serr := linux.Fstat(fd)
	switch {
	case err != nil || serr != nil || len(f.SHA256) == 0:
		err = fault.New(fault.BadCopy, c.id, "the digest of the capture %s is not known", c.id)
	case st.Size < f.Size:
		err = fault.New(fault.BadCopy, c.id, "of the capture %s the agent has %d bytes, and had %d", c.id, st.Size, f.Size)
	}
	if err != nil {
		_ = fd.Close() // was only looked at
		return nil, err
	}
	return f, nil
}

// From reads the file from an offset on.
func (f *File) From(offset int64) io.Reader {
	return io.NewSectionReader(readerAt{f.fd}, offset, f.Size-offset)
}

// Close closes it.
func (f *File) Close() error { return f.fd.Close() }
