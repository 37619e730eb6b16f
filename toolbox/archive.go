package toolbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// maxBundle is the most bytes of a bundle, when it is not compressed. What is not of one piece with its compression, a
// bomb, is given up there.
var maxBundle int64 = 512 << 20

// zstdMagic begins a compressed archive (RFC 8878, 3.1.1).
var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// SizeError reports a bundle that is too large to be one.
type SizeError struct{ Name string }

func (e *SizeError) Error() string {
	return fmt.Sprintf("read %s: more than %d MiB, which no toolbox needs", e.Name, maxBundle>>20)
}

// Open reads a bundle: a folder, or an archive, which may be compressed by zstd.
func Open(name string) (*Bundle, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("read the toolbox: %w", err)
	}
	switch {
	case info.IsDir():
		return readFolder(name)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("read the toolbox: %s is no regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the toolbox: %w", err)
	}
	defer func() { _ = f.Close() }() // was only read
	data, err := readArchive(f, name)
	if err != nil {
		return nil, err
	}
	return ReadBundle(data)
}

// readArchive reads an archive and decompresses it.
func readArchive(r io.Reader, name string) ([]byte, error) {
	data, err := readAll(r, name)
	if err != nil || !bytes.HasPrefix(data, zstdMagic) {
		return data, err
	}
	// The window bounds what the decoder keeps, readAll what it gives.
	z, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("decompress %s: %w", name, err)
	}
	defer z.Close()
	return readAll(z, name)
}

const maxWindow = 128 << 20 // bytes; zstd's -19 takes 8 MiB, --long 128

func readAll(r io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBundle+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(data)) > maxBundle {
		return nil, &SizeError{name}
	}
	return data, nil
}

// WriteFile puts a bundle into a file as a whole: plain if its name ends in .tar, else compressed by zstd. The same bundle makes
// the same bytes.
func (b *Bundle) WriteFile(name string) error {
	if strings.HasSuffix(name, storedSuffix) {
		return b.writePlain(name)
	}
	return b.writeFile(name, func(w io.Writer) (io.WriteCloser, error) {
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	})
}

// writePlain puts a bundle into a file that is not compressed.
func (b *Bundle) writePlain(name string) error {
	return b.writeFile(name, func(w io.Writer) (io.WriteCloser, error) { return keepOpen{w}, nil })
}

type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

func (b *Bundle) writeFile(name string, compress func(io.Writer) (io.WriteCloser, error)) error {
	err := replaceFile(name, func(w io.Writer) error {
		z, err := compress(w)
		if err != nil {
			return err
		}
		_, err = b.WriteTo(z)
		return errors.Join(err, z.Close())
	})
	if err != nil {
		return fmt.Errorf("write the toolbox: %w", err)
	}
	return nil
}
