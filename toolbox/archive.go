package toolbox

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/klauspost/compress/zstd"

	"dlx/fault"
	"dlx/internal/outfile"
)

// maxBundle is the most bytes of a bundle's files.
var maxBundle int64 = 512 << 20

// zstdMagic begins a compressed archive (RFC 8878, 3.1.1).
var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// tooLarge reports a bundle that is too large to be one.
func tooLarge(name string) error {
	return fault.New(fault.BadArchive, name, "read %s: more than %d MiB, which no toolbox needs", name, maxBundle>>20)
}

// Open reads the beginning of a bundle, a folder or an archive which may be compressed by zstd: the
// manifest and its signatures. The rest is read when those have been checked, and then no more of
// it than the manifest says there is.
func Open(name string) (*Bundle, error) {
	f, err := openFile(name)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return openFolder(name)
	}
	defer func() { _ = f.Close() }() // was only read
	a, err := unpack(f, maxHead)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer a.close()
	b := &Bundle{contents: map[string][]byte{}}
	if err := b.readHead(a); err != nil {
		return nil, a.explain(err, name)
	}
	b.rest = func(only string) error { return b.readRest(name, only) }
	return b, nil
}

// openFile opens a regular file, and is nil for a folder. A FIFO in its place does not make it wait
// (open(2), O_NONBLOCK).
func openFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("read the toolbox: %w", err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, errors.Join(fmt.Errorf("read the toolbox: %w", err), f.Close())
	case info.IsDir():
		return nil, f.Close()
	case !info.Mode().IsRegular():
		return nil, errors.Join(fmt.Errorf("read the toolbox: %s is no regular file", name), f.Close())
	}
	return f, nil
}

// Bounds of what is unpacked.
const (
	maxHead   = maxManifest + maxEnvelope + maxCosign + slack // before anybody's signature was seen
	maxSBOM   = 16 << 20                                      // bytes; the manifest has its digest alone
	slack     = 1 << 20                                       // headers, padding, and the zeros that tar ends with
	maxWindow = 128 << 20                                     // bytes; zstd's -19 takes 8 MiB, --long 128
)

// archive is an archive under way.
type archive struct {
	*tar.Reader
	from  *io.LimitedReader // what it is unpacked from
	close func()
}

// unpack begins to read an archive, of which no more than limit bytes are ever unpacked.
func unpack(r io.Reader, limit int64) (*archive, error) {
	plain, end, err := decompress(bufio.NewReader(r))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	from := &io.LimitedReader{R: plain, N: limit}
	return &archive{tar.NewReader(from), from, end}, nil
}

// decompress is the content of a file that may be compressed. A variable, so that tests can count
// it.
var decompress = func(in *bufio.Reader) (plain io.Reader, end func(), err error) {
	if head, _ := in.Peek(len(zstdMagic)); !bytes.Equal(head, zstdMagic) { // a shorter one is no archive, which tar says
		return in, func() {}, nil
	}
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, nil, err
	}
	return z, z.Close, nil
}

// next is the next entry's header. Only regular files are taken, without records of later tar
// formats, which can say that a file is sparse, for one.
func (a *archive) next() (*tar.Header, error) {
	h, err := a.Next()
	if err == nil && (h.Typeflag != tar.TypeReg || len(h.PAXRecords) > 0 || h.Size < 0) {
		err = fmt.Errorf("%.80q is not a whole regular file", h.Name)
	}
	return h, err
}

// explain says that an archive is too large if it is, and else what err says.
func (a *archive) explain(err error, name string) error {
	if errors.Is(err, fault.ToolboxRefused) {
		return err
	}
	if a.from.N <= 0 {
		return tooLarge(name)
	}
	return fmt.Errorf("read the toolbox's archive %s: %w", name, err)
}

// bytes reads an entry of a size that is known. Memory is taken as bytes come: the size is a claim.
func (a *archive) bytes(size int64) ([]byte, error) {
	data := make([]byte, 0, min(size, 16<<20))
	for int64(len(data)) < size {
		data = slices.Grow(data, int(min(size-int64(len(data)), 16<<20)))
		n, err := io.ReadFull(a, data[len(data):min(int64(cap(data)), size)])
		data = data[:len(data)+n]
		if err != nil {
			return nil, err
		}
	}
	return data, nil
}

// headSizes bound, in bytes, what is read of a bundle that nobody vouches for yet.
var headSizes = map[string]int64{ManifestName: maxManifest, EnvelopeName: maxEnvelope, CosignName: maxCosign}

// readHead reads the entries up to the first one that is neither the manifest nor a signature.
func (b *Bundle) readHead(a *archive) error {
	for {
		h, err := a.next()
		if errors.Is(err, io.EOF) {
			return b.whole()
		}
		if err != nil {
			return err
		}
		limit, head := headSizes[h.Name]
		if b.manifest != nil && !head {
			return nil
		}
		if h.Size > limit && head {
			return refuse(ErrSize, h.Name, "is longer than %d bytes", limit)
		}
		data, err := a.bytes(min(h.Size, limit))
		if err != nil {
			return err
		}
		if err := b.put(h.Name, data); err != nil {
			return err
		}
	}
}

// readRest reads an archive again, up to the end or the entry only, whose beginning has to be the
// same as before.
func (b *Bundle) readRest(name, only string) error {
	f, err := openFile(name)
	if err != nil {
		return err
	}
	if f == nil {
		return refuse(ErrChanged, "", "%s became a folder while it was read", name)
	}
	defer func() { _ = f.Close() }() // was only read
	sizes, total, err := b.sizes()
	if err != nil {
		return err
	}
	a, err := unpack(f, maxHead+total)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	defer a.close()
	again := &Bundle{contents: map[string][]byte{}}
	for done := false; !done; {
		h, err := a.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = again.readEntry(a, h, sizes)
		}
		if err != nil {
			return a.explain(err, name)
		}
		done = h.Name == only
	}
	return b.complete(again)
}

// readEntry reads one entry. Its size has to be the manifest's, or within the bound of files that
// the manifest does not list.
func (b *Bundle) readEntry(a *archive, h *tar.Header, sizes map[string]int64) error {
	want, listed := sizes[h.Name]
	limit, head := headSizes[h.Name]
	switch {
	case h.Name == SBOMName && h.Size > maxSBOM:
		return refuse(ErrSize, h.Name, "is longer than %d bytes", maxSBOM)
	case h.Name == SBOMName:
	case head && h.Size > limit:
		return refuse(ErrSize, h.Name, "is longer than %d bytes", limit)
	case head:
	case !listed:
		return b.unlisted(h.Name, sizes)
	case h.Size != want:
		return refuse(ErrSize, h.Name, "has %d bytes, the manifest says %d", h.Size, want)
	}
	data, err := a.bytes(h.Size)
	if err != nil {
		return err
	}
	return b.put(h.Name, data)
}

// unlisted refuses an entry that the manifest does not have. It does not read the entry, so what
// follows it is not known.
func (b *Bundle) unlisted(name string, sizes map[string]int64) error {
	for _, path := range slices.Sorted(maps.Keys(sizes)) {
		if b.contents[path] == nil {
			return refuse(ErrMissing, path, "is listed and not there, but %.120q", name)
		}
	}
	return refuse(ErrExtra, name, "is not in the manifest")
}

// sizes are those of the regular files of the manifest.
// total is the most bytes that their archive may take.
func (b *Bundle) sizes() (sizes map[string]int64, total int64, err error) {
	sizes = make(map[string]int64, len(b.manifest.Files))
	total = maxSBOM
	for _, f := range b.manifest.Files {
		if f.Link != "" {
			continue
		}
		if f.Size < 0 || f.Size > maxFileSize {
			return nil, 0, refuse(ErrSize, f.Path, "can not have %d bytes", f.Size)
		}
		sizes[f.Path] = f.Size
		if total += f.Size + 2*tarBlock; total > maxBundle+maxSBOM {
			return nil, 0, tooLarge(b.manifest.Title())
		}
	}
	return sizes, total, nil
}

const tarBlock = 512 // tar(5): a header takes one, and a file is padded to a multiple

// WriteFile writes a bundle into a file as a whole: plain if its name ends in .tar, else compressed
// by zstd. The same bundle makes the same bytes. It replaces only regular files. For root, it
// follows no link on the way to the file.
func (b *Bundle) WriteFile(name string) error {
	if strings.HasSuffix(name, storedSuffix) {
		return b.writePlain(name, outfile.Replace)
	}
	return b.writeFile(name, outfile.Replace, func(w io.Writer) (io.WriteCloser, error) {
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	})
}

// writePlain puts a bundle into a file that is not compressed.
func (b *Bundle) writePlain(name string, replace replacer) error {
	return b.writeFile(name, replace, func(w io.Writer) (io.WriteCloser, error) { return keepOpen{w}, nil })
}

type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

func (b *Bundle) writeFile(name string, replace replacer, compress func(io.Writer) (io.WriteCloser, error)) error {
	if err := b.load(""); err != nil {
		return err
	}
	err := replace(name, 0o644, func(w io.Writer) error {
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
