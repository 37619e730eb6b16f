package toolbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"

	"dlx/fault"
	"dlx/internal/outfile"
)

// openFolder reads the manifest of a bundle that lies in a folder, and its signatures.
func openFolder(name string) (b *Bundle, err error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("read the toolbox: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	b = &Bundle{contents: map[string][]byte{}}
	b.rest = func(string) error { return b.readFolder(name) }
	for _, n := range []string{ManifestName, EnvelopeName, CosignName} {
		data, err := readRoot(root, n, headSizes[n], "the most are")
		if errors.Is(err, fs.ErrNotExist) && n != ManifestName {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the toolbox: %w", err)
		}
		if err := b.put(n, data); err != nil {
			return nil, fmt.Errorf("read the toolbox: %w", err)
		}
	}
	return b, nil
}

// readFolder reads a bundle in a folder, file by file, each of the manifest's size. No link leads
// out of it: the manifest has the toolbox's links, and one in the folder has to be the same.
func (b *Bundle) readFolder(name string) (err error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return fmt.Errorf("read the toolbox: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	sizes, _, err := b.sizes()
	if err != nil {
		return err
	}
	links := map[string]string{}
	for _, f := range b.manifest.Files {
		if f.Link != "" {
			links[f.Path] = f.Link
		}
	}
	again := &Bundle{raw: b.raw, manifest: b.manifest, envelope: b.envelope, cosign: b.cosign, contents: map[string][]byte{}}
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		_, head := headSizes[p]
		switch {
		case err != nil:
			return fmt.Errorf("read the toolbox: %w", err)
		case d.IsDir() || head:
			return nil
		case d.Type()&fs.ModeSymlink != 0:
			if to, err := root.Readlink(p); err != nil || links[p] != to {
				return refuse(ErrExtra, p, "is a link that is not in the manifest")
			}
			return nil
		case !d.Type().IsRegular():
			return refuse(ErrExtra, p, "is no regular file")
		}
		size, listed := sizes[p]
		says := "the manifest says"
		if p == SBOMName {
			size, listed, says = maxSBOM, true, "the most are"
		}
		if !listed {
			return refuse(ErrExtra, p, "is not in the manifest")
		}
		data, err := readRoot(root, p, size, says)
		if errors.Is(err, fault.ToolboxRefused) {
			return err
		}
		if err != nil {
			return fmt.Errorf("read the toolbox: %w", err)
		}
		return again.put(p, data)
	})
	if err != nil {
		return err
	}
	return b.complete(again)
}

// readRoot reads a regular file of a folder. One longer than limit is refused;
// says names what says so.
func readRoot(root *os.Root, name string, limit int64, says string) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO in its place does not make it wait
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // was only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, refuse(ErrExtra, name, "is no regular file")
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, refuse(ErrSize, name, "has %d bytes, %s %d", max(info.Size(), limit+1), says, limit)
	}
	return data, err
}

// WriteFolder puts a bundle into a folder that is not there yet: filled beside it under another
// name, and renamed. For root no link is followed on the way there.
func (b *Bundle) WriteFolder(name string) error {
	if err := b.load(""); err != nil {
		return err
	}
	if err := outfile.Folder(name, b.fill); err != nil {
		return fmt.Errorf("write the toolbox: %w", err)
	}
	return nil
}

// fill puts a bundle into an empty folder.
func (b *Bundle) fill(folder *os.Root) error {
	for _, f := range b.manifest.Files {
		err := folder.MkdirAll(path.Dir(f.Path), 0o755)
		switch {
		case err != nil:
		case f.Link != "":
			err = folder.Symlink(f.Link, f.Path)
		default:
			err = fillFile(folder, f.Path, b.contents[f.Path], fs.FileMode(f.Mode))
		}
		if err != nil {
			return err
		}
	}
	for name, data := range map[string][]byte{ManifestName: b.raw, EnvelopeName: b.envelope, CosignName: b.cosign, SBOMName: b.sbom} {
		if data == nil {
			continue
		}
		if err := fillFile(folder, name, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fillFile makes a file of a folder. Whoever else can write there may have put something under its
// name, a FIFO, say, which is not opened.
func fillFile(folder *os.Root, name string, data []byte, mode fs.FileMode) error {
	f, err := folder.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// writeSignatures gives a bundle that lies in a folder its signatures.
func (b *Bundle) writeSignatures(folder string) (err error) {
	d, err := outfile.Hold(folder)
	if err != nil {
		return fmt.Errorf("write the signature: %w", err)
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	for name, data := range map[string][]byte{EnvelopeName: b.envelope, CosignName: b.cosign} {
		if data == nil {
			continue
		}
		err := d.Replace(name, 0o644, func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
		if err != nil {
			return fmt.Errorf("write the signature: %w", err)
		}
	}
	return nil
}

// SaveSignature puts a bundle that was read from a file or folder, and signed since, back there.
func (b *Bundle) SaveSignature(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("write the signature: %w", err)
	}
	if info.IsDir() {
		return b.writeSignatures(name)
	}
	return b.WriteFile(name)
}
