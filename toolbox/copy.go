package toolbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// DigestError reports bytes that are not what the manifest says.
type DigestError struct{ Path, Want, Got string }

func (e *DigestError) Error() string {
	return fmt.Sprintf("toolbox file %s has digest %s, its manifest says %s", e.Path, e.Got, e.Want)
}

// Hint says what it means.
func (e *DigestError) Hint() string {
	return "this dlx was damaged or tampered with; install it again from where you trust it"
}

// chunkSize is written at a time, so that a placement can be given up.
const chunkSize = 1 << 20

// CopyTo writes a regular file of the toolbox, hashing what it writes. With an error, w has to be thrown away.
func (v *Verified) CopyTo(w io.Writer, path string) error {
	f := v.byPath[path]
	if f == nil || f.Link != "" {
		return fmt.Errorf("the toolbox has no file %s", path)
	}
	return v.copy(context.Background(), w, f)
}

// copy writes a file's bytes and hashes them at the same time: they are this program's own, mapped from its file, and
// stay as they are in between.
func (v *Verified) copy(ctx context.Context, w io.Writer, f *File) error {
	content := v.bundle.contents[f.Path]
	digest := make(chan [sha256.Size]byte, 1)
	go func() { digest <- sha256.Sum256(content) }()
	err := write(ctx, w, content)
	sum := <-digest
	if err != nil {
		return fmt.Errorf("place %s: %w", f.Path, err)
	}
	if got := hex.EncodeToString(sum[:]); got != f.SHA256 {
		return &DigestError{f.Path, f.SHA256, got}
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
