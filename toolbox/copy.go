package toolbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// chunkSize is written at a time, so that a placement can be given up.
const chunkSize = 1 << 20

// CopyTo writes a regular file of the toolbox, hashing what it writes. With an error, w has to be thrown away.
func (v *Verified) CopyTo(w io.Writer, path string) error {
	f := v.byPath[path]
	if f == nil || f.Link != "" {
		return fmt.Errorf("the toolbox has no file %s", path)
	}
	return f.copy(context.Background(), w)
}

// CheckBytes compares all files with their digests, and places none.
func (v *Verified) CheckBytes() error {
	for _, e := range v.files {
		if e.Link != "" {
			continue
		}
		if err := e.copy(context.Background(), io.Discard); err != nil {
			return err
		}
	}
	return nil
}

// copy writes a file's bytes and hashes them at the same time: they are this program's own, read or mapped, and stay as
// they are in between.
func (f *entry) copy(ctx context.Context, w io.Writer) error {
	done := make(chan [sha256.Size]byte, 1)
	go func() { done <- sha256.Sum256(f.content) }()
	err := write(ctx, w, f.content)
	sum := <-done
	if err != nil {
		return fmt.Errorf("place %s: %w", f.Path, err)
	}
	if got := hex.EncodeToString(sum[:]); got != f.SHA256 {
		return refuse(ErrChanged, f.Path, "has digest %s, the manifest says %s", got, f.SHA256)
	}
	return nil
}

func write(ctx context.Context, w io.Writer, content []byte) error {
	for len(content) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		chunk := content[:min(chunkSize, len(content))]
		if _, err := w.Write(chunk); err != nil {
			return err
		}
		content = content[len(chunk):]
	}
	return nil
}
