package toolbox

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bundle is a toolbox as it comes: a manifest, what signs and describes it, and the bytes of its
// files. Nobody has checked them yet.
type Bundle struct {
	manifest *Manifest
	raw      []byte // the manifest's exact bytes
	envelope []byte // nil without a signature of dlx's
	cosign   []byte // nil without one of cosign's
	sbom     []byte // nil without
	contents map[string][]byte
	from     *origin // what the contents are better read from, if not nil

	// rest reads the bill of materials and the contents, or the one entry that it is given; nil if
	// they are there.
	rest func(only string) error
}

// load reads the rest of a bundle, or all up to one entry, unless it has been read. The caller has
// checked who signed the manifest, or asks for what nobody signed.
func (b *Bundle) load(only string) error {
	if b.rest == nil {
		return nil
	}
	if err := b.rest(only); err != nil {
		return err
	}
	if only == "" {
		b.rest = nil
	}
	return nil
}

// complete takes the rest from the same bundle as it was read again. What was read before, and may
// have been checked, is compared.
func (b *Bundle) complete(again *Bundle) error {
	if !bytes.Equal(again.raw, b.raw) || b.envelope != nil && !bytes.Equal(again.envelope, b.envelope) || b.cosign != nil && !bytes.Equal(again.cosign, b.cosign) {
		return refuse(ErrChanged, ManifestName, "or a signature of it was changed while the toolbox was read")
	}
	b.envelope, b.cosign, b.sbom, b.contents = again.envelope, again.cosign, again.sbom, again.contents
	return nil
}

// whole wants a bundle to have a manifest.
func (b *Bundle) whole() error {
	if b.manifest == nil {
		return errors.New("it has no " + ManifestName)
	}
	return nil
}

// Manifest returns what the bundle says is in it.
func (b *Bundle) Manifest() *Manifest { return b.manifest }

// RawManifest returns the bytes that are signed.
func (b *Bundle) RawManifest() []byte { return b.raw }

// Envelope returns the envelope's bytes, nil if the bundle has none.
func (b *Bundle) Envelope() []byte { return b.envelope }

// SBOM returns the bill of materials, nil if the bundle has none. Of a bundle that nobody has
// checked, it is read up to there.
func (b *Bundle) SBOM() ([]byte, error) {
	if b.manifest.SBOM == "" {
		return nil, nil
	}
	if err := b.load(SBOMName); err != nil {
		return nil, err
	}
	return b.sbom, b.checkSBOM()
}

// SetEnvelope gives the bundle another envelope.
func (b *Bundle) SetEnvelope(data []byte) { b.envelope = data }

// Sign adds signatures to the bundle, beside those that it has.
func (b *Bundle) Sign(keys ...*PrivateKey) error {
	var earlier *Envelope
	if b.envelope != nil {
		var err error
		if earlier, _, err = ParseEnvelope(b.envelope); err != nil {
			return err
		}
	}
	e, err := Sign(b.raw, earlier, keys...)
	if err != nil {
		return err
	}
	b.envelope, err = json.MarshalIndent(e, "", " ")
	return err
}

// Digest is the SHA-256 of the manifest, which names all else.
func (b *Bundle) Digest() string { return digest(b.raw) }

// NewBundle puts a manifest's bytes, a bill of materials and contents together.
func NewBundle(raw, sbom []byte, contents map[string][]byte) (*Bundle, error) {
	m, err := ParseManifest(raw)
	if err != nil {
		return nil, err
	}
	return &Bundle{manifest: m, raw: raw, sbom: sbom, contents: contents}, nil
}

// ReadBundle reads a bundle's archive: an uncompressed tar(5) of regular files, the manifest first.
// The files are slices of data, not copies, and links are in the manifest alone.
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
		// The reader stands at the entry's first byte: tar's reader reads headers only, and the
		// archive is no sparse one.
		start := int64(len(data)) - int64(r.Len())
		if h.Typeflag != tar.TypeReg || len(h.PAXRecords) > 0 || h.Size < 0 || h.Size > int64(len(data))-start {
			return nil, fmt.Errorf("read the toolbox's archive: %.80q is not a whole regular file", h.Name)
		}
		if err := b.put(h.Name, data[start:start+h.Size:start+h.Size]); err != nil {
			return nil, fmt.Errorf("read the toolbox's archive: %w", err)
		}
	}
	if err := b.whole(); err != nil {
		return nil, fmt.Errorf("read the toolbox's archive: %w", err)
	}
	return b, nil
}

// put takes one entry of an archive.
func (b *Bundle) put(name string, content []byte) (err error) {
	if b.manifest == nil {
		if name != ManifestName {
			return errors.New("it does not begin with " + ManifestName)
		}
		b.raw = content
		b.manifest, err = ParseManifest(content)
		return err
	}
	special := map[string]*[]byte{EnvelopeName: &b.envelope, CosignName: &b.cosign, SBOMName: &b.sbom}[name]
	switch {
	case special != nil && *special == nil:
		*special = content
	case special != nil, !strings.Contains(name, "/"), b.contents[name] != nil, len(b.contents) >= maxFiles:
		return fmt.Errorf("%.80q is one too many", name)
	default:
		b.contents[name] = content
	}
	return nil
}
