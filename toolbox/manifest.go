package toolbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Names of what a bundle has besides its files. Its files lie in folders.
const (
	ManifestName = "manifest.json"
	SBOMName     = "sbom.cdx.json"
)

// FormatVersion is the manifest's version.
const FormatVersion = 1

// Manifest lists what is in a toolbox.
type Manifest struct {
	Format   int       `json:"format"`
	Name     string    `json:"name"`     // lower-case letters, digits, dots and hyphens
	Version  string    `json:"version"`  // for people
	Sequence uint64    `json:"sequence"` // grows with every version of a name: older ones are refused
	Arch     string    `json:"arch"`     // as in GOARCH
	Created  time.Time `json:"created"`
	NotAfter time.Time `json:"not_after,omitzero"` // it is refused later; none if it lasts
	SBOM     string    `json:"sbom,omitempty"`     // SHA-256 of the bill of materials
	Files    []File    `json:"files"`              // in order of their paths
}

// File is one file of a toolbox: a regular one, or a symbolic link.
type File struct {
	Path    string `json:"path"`           // relative, clean, with slashes
	Mode    uint32 `json:"mode,omitempty"` // permission bits
	Size    int64  `json:"size,omitempty"` // bytes
	SHA256  string `json:"sha256,omitempty"`
	BLAKE3  string `json:"blake3,omitempty"` // of 32 bytes; a toolbox may be without
	Link    string `json:"link,omitempty"`   // target of a link, inside the toolbox
	Loader  string `json:"loader,omitempty"` // path of the loader that a dynamic program is started with
	Package string `json:"package,omitempty"`
	Version string `json:"version,omitempty"`
	Origin  string `json:"origin,omitempty"`
	License string `json:"license,omitempty"`
}

// Bounds of a manifest, well above what a toolbox needs.
const (
	maxManifest = 8 << 20
	maxFiles    = 20000
	maxFileSize = 1 << 30
	maxPath     = 512
	maxName     = 64
)

// ParseManifest reads a manifest; unknown fields and trailing bytes are errors, which are
// fault.ToolboxRefused.
func ParseManifest(data []byte) (*Manifest, error) {
	if len(data) > maxManifest {
		return nil, refuse(ErrManifest, "", "its manifest is longer than %d bytes", maxManifest)
	}
	m := &Manifest{Files: make([]File, 0, min(bytes.Count(data, []byte("{")), maxFiles))}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(m); err != nil {
		return nil, refuse(ErrManifest, "", "its manifest can not be read: %v", err)
	}
	switch {
	case dec.More():
		return nil, refuse(ErrManifest, "", "something follows its manifest")
	case m.Format != FormatVersion:
		return nil, refuse(ErrManifest, "", "its manifest is of format %d, this dlx reads %d", m.Format, FormatVersion)
	case !cleanName(m.Name):
		return nil, refuse(ErrManifest, "", "its name %.80q is not of lower-case letters, digits, dots and hyphens", m.Name)
	case len(m.Files) > maxFiles:
		return nil, refuse(ErrManifest, "", "it lists more than %d files", maxFiles)
	}
	return m, nil
}

// cleanName says whether a name can be that of a file.
func cleanName(s string) bool {
	ok := func(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '.' }
	return s != "" && len(s) <= maxName && s[0] != '.' && s[0] != '-' && !strings.ContainsFunc(s, func(r rune) bool { return !ok(r) })
}

// Title is the name and version.
func (m *Manifest) Title() string { return fmt.Sprintf("%s %s", m.Name, m.Version) }
