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

// chunkSize is hashed and written while it is in the processor's cache.
const chunkSize = 256 << 10

// CopyTo writes a regular file of the toolbox, hashing what it writes. With an error, w has to be thrown away.
func (v *Verified) CopyTo(w io.Writer, path string) error {
	f := v.byPath[path]
	if f == nil || f.Link != "" {
		return fmt.Errorf("the toolbox has no file %s", path)
	}
	return v.copy(context.Background(), w, f)
}

func (v *Verified) copy(ctx context.Context, w io.Writer, f *File) error {
	h := sha256.New()
	for rest := v.bundle.contents[f.Path]; len(rest) > 0; {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		chunk := rest[:min(chunkSize, len(rest))]
		rest = rest[len(chunk):]
		h.Write(chunk)
		if _, err := w.Write(chunk); err != nil {
			return fmt.Errorf("place %s: %w", f.Path, err)
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != f.SHA256 {
		return &DigestError{f.Path, f.SHA256, got}
	}
	return nil
}
