package toolbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ManifestName is the manifest's name in a bundle, where it comes first.
const ManifestName = "manifest.json"

// FormatVersion is the manifest's version.
const FormatVersion = 1

// Manifest lists what is in a toolbox.
type Manifest struct {
	Format  int       `json:"format"`
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Arch    string    `json:"arch"` // as in GOARCH
	Created time.Time `json:"created"`
	Files   []File    `json:"files"` // in order of their paths
}

// File is one file of a toolbox: a regular one, or a symbolic link.
type File struct {
	Path    string `json:"path"`           // relative, clean, with slashes
	Mode    uint32 `json:"mode,omitempty"` // permission bits
	Size    int64  `json:"size,omitempty"` // bytes
	SHA256  string `json:"sha256,omitempty"`
	Link    string `json:"link,omitempty"` // target of a link, inside the toolbox
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
)

// ParseManifest reads a manifest; unknown fields and trailing bytes are errors.
func ParseManifest(data []byte) (*Manifest, error) {
	if len(data) > maxManifest {
		return nil, fmt.Errorf("read the toolbox's manifest: longer than %d bytes", maxManifest)
	}
	m := &Manifest{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(m); err != nil {
		return nil, fmt.Errorf("read the toolbox's manifest: %w", err)
	}
	if dec.More() {
		return nil, errors.New("read the toolbox's manifest: more follows it")
	}
	if m.Format != FormatVersion {
		return nil, fmt.Errorf("read the toolbox's manifest: format %d, this dlx reads %d", m.Format, FormatVersion)
	}
	return m, nil
}
