package build

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// unpacking applies layers over one another, as a runtime does (OCI image specification, layer.md).
// Everything stays below the tree's root: the links on the way to an entry are followed inside.
type unpacking struct {
	*tree
	left    int64 // bytes that may still come
	entries int
}

// Whiteouts take out what a lower layer has.
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

func (u *unpacking) layer(r io.Reader) error {
	plain, done, err := decompress(r)
	if err != nil {
		return err
	}
	defer done()
	for tr := tar.NewReader(plain); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		u.entries++
		u.left -= h.Size
		if err := tooMany(u.entries); err != nil || u.left < 0 {
			return errors.Join(err, errors.New("too large"))
		}
		if err := u.entry(h, tr); err != nil {
			return fmt.Errorf("%.200q: %w", h.Name, err)
		}
	}
}

// decompress looks at how a layer is compressed.
func decompress(r io.Reader) (plain io.Reader, done func(), err error) {
	b := bufio.NewReader(r)
	magic, err := b.Peek(4)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, nil, err
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		return z, func() {}, err
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}
	return b, func() {}, nil
}

// entry applies one entry of a layer.
func (u *unpacking) entry(h *tar.Header, r io.Reader) error {
	name := path.Clean("/" + h.Name)
	base := path.Base(name)
	if name == "/" {
		return nil
	}
	dir, err := u.resolve(path.Dir(name))
	if err != nil {
		return err
	}
	if err := u.root.MkdirAll(rel(dir), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	switch {
	case base == opaque:
		return u.empty(dir)
	case strings.HasPrefix(base, whiteout):
		gone := strings.TrimPrefix(base, whiteout)
		if gone == "" || gone == "." || gone == ".." {
			return errors.New("a whiteout of no file")
		}
		return u.root.RemoveAll(rel(path.Join(dir, gone)))
	}
	at := rel(path.Join(dir, base))
	if h.Typeflag == tar.TypeDir {
		if info, err := u.root.Lstat(at); err == nil && info.IsDir() {
			return nil
		}
	}
	if err := u.root.RemoveAll(at); err != nil {
		return err
	}
	return u.make(h, r, at)
}

// make makes a file, a folder or a link. A toolbox has no use for devices and the like.
func (u *unpacking) make(h *tar.Header, r io.Reader, at string) (err error) {
	switch h.Typeflag {
	case tar.TypeDir:
		return u.root.Mkdir(at, 0o755)
	case tar.TypeSymlink:
		return u.root.Symlink(h.Linkname, at)
	case tar.TypeLink:
		to, err := u.resolve(path.Clean("/" + h.Linkname))
		if err != nil {
			return err
		}
		return u.root.Link(rel(to), at)
	case tar.TypeReg:
		f, err := u.root.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600|fs.FileMode(h.Mode)&0o111)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, io.LimitReader(r, maxFile))
		return errors.Join(err, f.Close())
	}
	return nil
}

// empty takes out what lower layers have in a folder.
func (u *unpacking) empty(dir string) error {
	names, err := u.list(dir)
	for _, name := range names {
		err = errors.Join(err, u.root.RemoveAll(rel(path.Join(dir, name))))
	}
	return err
}
