package toolbox

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Bundle is a toolbox as it comes: a manifest and the bytes of its files, which nobody has checked yet.
type Bundle struct {
	manifest *Manifest
	contents map[string][]byte // of the regular files, by path
}

// Manifest returns what the bundle says is in it.
func (b *Bundle) Manifest() *Manifest { return b.manifest }

// NewBundle puts a manifest and contents together.
func NewBundle(m *Manifest, contents map[string][]byte) *Bundle { return &Bundle{m, contents} }

// ReadBundle reads a bundle's archive: an uncompressed tar(5), the manifest first, then the regular files. The files
// are slices of data, not copies, and links are in the manifest alone.
func ReadBundle(data []byte) (*Bundle, error) {
	r := bytes.NewReader(data)
	tr := tar.NewReader(r)
	b := &Bundle{contents: map[string][]byte{}}
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the toolbox's archive: %w", err)
		}
		// The reader stands at the entry's first byte: tar's reader reads headers only, and the archive is no sparse one.
		start := int64(len(data)) - int64(r.Len())
		if h.Typeflag != tar.TypeReg || h.Size < 0 || h.Size > int64(len(data))-start {
			return nil, fmt.Errorf("read the toolbox's archive: %.80q is not a whole regular file", h.Name)
		}
		content := data[start : start+h.Size : start+h.Size]
		switch {
		case b.manifest == nil && h.Name == ManifestName:
			if b.manifest, err = ParseManifest(content); err != nil {
				return nil, err
			}
		case b.manifest == nil:
			return nil, errors.New("read the toolbox's archive: it does not begin with " + ManifestName)
		case b.contents[h.Name] != nil || len(b.contents) >= maxFiles:
			return nil, fmt.Errorf("read the toolbox's archive: %.80q is one too many", h.Name)
		default:
			b.contents[h.Name] = content
		}
	}
	if b.manifest == nil {
		return nil, errors.New("read the toolbox's archive: it has no " + ManifestName)
	}
	return b, nil
}
