package toolbox

import (
	"archive/tar"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// OriginFolder is the origin of files that were taken from a folder as they lie.
const OriginFolder = "a folder"

// Source says where a file comes from.
type Source struct {
	Package string // what it is a part of
	Version string // of that
	Origin  string // where it was taken from, with a digest if there is one
	License string // an SPDX expression
	URL     string // a package URL (ECMA-427), "" if there is none

	Digest   string         // SHA-256 of what was taken, in hexadecimal; "" if it is in Origin alone
	Compiler string         // with its version, if the programs were built from it here
	Archives []SourceObject // what a source package consists of
}

// SourceObject is a file that programs were built from.
type SourceObject struct{ URL, SHA256 string }

// same says whether two are one component: what else differs is of how they were looked up.
func (s *Source) same(o *Source) bool {
	return s.Package == o.Package && s.Version == o.Version && s.Origin == o.Origin
}

// Builder puts a toolbox together. The same files, in any order, make the same bytes.
type Builder struct {
	Name, Version, Arch string
	Sequence            uint64
	Created, NotAfter   time.Time

	files    []File
	contents map[string][]byte
	sources  []Source
}

// Add adds a regular file.
func (b *Builder) Add(path string, data []byte, mode uint32, s Source) {
	b.AddFile(File{Path: path, Mode: mode}, data, s)
}

// AddFile adds a regular file of which more is known than its path and mode.
func (b *Builder) AddFile(f File, data []byte, s Source) {
	if b.contents == nil {
		b.contents = map[string][]byte{}
	}
	f.describe(data)
	f.Package, f.Version, f.Origin, f.License = s.Package, s.Version, s.Origin, s.License
	b.contents[f.Path] = data
	b.files = append(b.files, f)
	b.Part(s)
}

// Part notes what a file is made of besides the source that it was added with.
func (b *Builder) Part(s Source) {
	if !b.Uses(s) {
		b.sources = append(b.sources, s)
	}
}

// Uses says whether a file of the source was added.
func (b *Builder) Uses(s Source) bool {
	return slices.ContainsFunc(b.sources, func(o Source) bool { return o.same(&s) })
}

// SetLicense gives a source, and the files that were added with it, their licence.
func (b *Builder) SetLicense(s Source, license string) {
	for i := range b.sources {
		if b.sources[i].same(&s) {
			b.sources[i].License = license
		}
	}
	for i := range b.files {
		if f := &b.files[i]; f.Package == s.Package && f.Version == s.Version && f.Origin == s.Origin {
			f.License = license
		}
	}
}

// Link adds a symbolic link.
func (b *Builder) Link(path, to string) { b.files = append(b.files, File{Path: path, Link: to}) }

// Bundle makes the manifest and the bill of materials.
func (b *Builder) Bundle() (*Bundle, error) {
	slices.SortFunc(b.files, func(x, y File) int { return cmp.Compare(x.Path, y.Path) })
	sbom, err := b.sbom()
	if err != nil {
		return nil, fmt.Errorf("make the bill of materials: %w", err)
	}
	raw, err := json.MarshalIndent(&Manifest{
		Format: FormatVersion, Name: b.Name, Version: b.Version, Sequence: b.Sequence, Arch: b.Arch,
		Created: b.Created.UTC(), NotAfter: b.NotAfter, SBOM: digest(sbom), Files: b.files,
	}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("make the manifest: %w", err)
	}
	return NewBundle(raw, sbom, b.contents)
}

// WriteTo writes the archive: the manifest, what signs and describes it,
// the regular files in order.
func (b *Bundle) WriteTo(w io.Writer) (int64, error) {
	if err := b.load(""); err != nil {
		return 0, err
	}
	counter := &countingWriter{w: w}
	t := tar.NewWriter(counter)
	put := func(name string, mode uint32, data []byte) error {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: int64(mode), Size: int64(len(data)), ModTime: b.manifest.Created, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		_, err := t.Write(data)
		return err
	}
	err := put(ManifestName, 0o644, b.raw)
	for _, extra := range []struct {
		name string
		data []byte
	}{{EnvelopeName, b.envelope}, {CosignName, b.cosign}, {SBOMName, b.sbom}} {
		if err == nil && extra.data != nil {
			err = put(extra.name, 0o644, extra.data)
		}
	}
	for _, f := range b.manifest.Files {
		if err == nil && f.Link == "" {
			err = put(f.Path, f.Mode, b.contents[f.Path])
		}
	}
	if err == nil {
		err = t.Close()
	}
	if err != nil {
		return counter.n, fmt.Errorf("write the toolbox's archive: %w", err)
	}
	return counter.n, nil
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
