package toolbox

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// chunkSize is read, hashed and written at a time. What is in the processor's cache is cheap to go
// over twice, and a placement can be given up in between.
const chunkSize = 128 << 10

// CopyTo writes a regular file of the toolbox and hashes it. After an error, throw w away.
func (v *Verified) CopyTo(w io.Writer, path string) error {
	f := v.byPath[path]
	if f == nil || f.Link != "" {
		return fmt.Errorf("the toolbox has no file %s", path)
	}
	r := v.reader()
	return errors.Join(r.copy(context.Background(), w, f, f.quickSum()), r.Close())
}

// CheckBytes compares all files with all of their digests, and places none.
func (v *Verified) CheckBytes() error {
	r := v.reader()
	for _, e := range v.files {
		if e.Link != "" {
			continue
		}
		if err := r.copy(context.Background(), io.Discard, e, e.sums()); err != nil {
			return errors.Join(err, r.Close())
		}
	}
	return r.Close()
}

// origin is where the contents of a bundle are read from.
type origin struct {
	open func() image // nil where that does not work: they are in memory as well
}

// image is an open file that has a bundle's archive in it.
type image interface {
	io.Closer
	// readAt reads what is at the place of content, a part of the archive, in the file.
	readAt(buf, content []byte) error
}

// reader gives the bytes of a toolbox's files. It is one goroutine's.
type reader struct {
	images map[*origin]image
	buf    []byte
}

func (v *Verified) reader() *reader { return &reader{images: map[*origin]image{nil: nil}} }

// Close closes what was opened for reading.
func (r *reader) Close() error {
	var errs []error
	for _, i := range r.images {
		if i != nil {
			errs = append(errs, i.Close())
		}
	}
	return errors.Join(errs...)
}

// image is what a file is read from, nil for memory.
func (r *reader) image(f *entry) image {
	i, known := r.images[f.from]
	if !known {
		i = f.from.open()
		r.images[f.from] = i
	}
	if i != nil && r.buf == nil {
		r.buf = make([]byte, chunkSize)
	}
	return i
}

// copy writes the bytes that it hashes. Those in memory are this program's own: they do not change.
func (r *reader) copy(ctx context.Context, w io.Writer, f *entry, sums []sum) error {
	from := r.image(f)
	for content := f.content; len(content) > 0; {
		chunk := content[:min(chunkSize, len(content))]
		content = content[len(chunk):]
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if from != nil {
			buf := r.buf[:len(chunk)]
			if err := from.readAt(buf, chunk); err != nil {
				return fmt.Errorf("place %s: %w", f.Path, err)
			}
			chunk = buf
		}
		for _, s := range sums {
			s.Write(chunk)
		}
		if _, err := w.Write(chunk); err != nil {
			return fmt.Errorf("place %s: %w", f.Path, err)
		}
	}
	for _, s := range sums {
		if got := s.got(); got != s.want {
			return refuse(ErrChanged, f.Path, "has digest %s, the manifest says %s", got, s.want)
		}
	}
	return nil
}
