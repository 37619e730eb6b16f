package toolbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// The bill of materials is CycloneDX 1.6. Here are the parts of it that a toolbox has, with fields
// in the order of cyclonedx-go. That library is the tests' oracle and no part of dlx: it
// initialises encoding/gob and encoding/xml, 1.5 ms of every start.

type bom struct {
	Schema      string      `json:"$schema"`
	Format      string      `json:"bomFormat"`
	SpecVersion string      `json:"specVersion"`
	Version     int         `json:"version"`
	Metadata    bomMetadata `json:"metadata"`
	Components  []component `json:"components"`
}

type bomMetadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Ref        string              `json:"bom-ref"`
	Type       string              `json:"type"`
	Name       string              `json:"name"`
	Version    string              `json:"version,omitempty"`
	Hashes     []bomHash           `json:"hashes,omitempty"`
	Licenses   []licenseExpression `json:"licenses,omitempty"`
	PackageURL string              `json:"purl,omitempty"`
	References []externalReference `json:"externalReferences,omitempty"`
	Properties []property          `json:"properties,omitempty"`
	Components []component         `json:"components,omitempty"`
}

type bomHash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type licenseExpression struct {
	Expression string `json:"expression"`
}

type externalReference struct {
	URL    string    `json:"url"`
	Hashes []bomHash `json:"hashes"`
	Type   string    `json:"type"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func sha256Hash(digest string) []bomHash { return []bomHash{{"SHA-256", digest}} }

// sbom is the bill of materials: a component for each source, with its files below it.
func (b *Builder) sbom() ([]byte, error) {
	slices.SortFunc(b.sources, func(x, y Source) int {
		return cmp.Or(cmp.Compare(x.Package, y.Package), cmp.Compare(x.Version, y.Version), cmp.Compare(x.Origin, y.Origin))
	})
	components := []component{}
	for i := range b.sources {
		components = append(components, b.component(&b.sources[i]))
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", "  ")
	err := e.Encode(&bom{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata: bomMetadata{
			Timestamp: b.Created.UTC().Format(time.RFC3339),
			Component: component{Ref: "toolbox", Type: "application", Name: b.Name, Version: b.Version},
		},
		Components: components,
	})
	return out.Bytes(), err
}

// component describes a source with its files.
func (b *Builder) component(s *Source) component {
	var files []component
	for _, f := range b.files {
		if f.Link != "" || f.Package != s.Package || f.Version != s.Version || f.Origin != s.Origin {
			continue
		}
		files = append(files, component{Ref: "file:" + f.Path, Type: "file", Name: f.Path, Hashes: sha256Hash(f.SHA256)})
	}
	c := component{
		Ref: s.Package + "@" + s.Version, Type: "application", Name: s.Package, Version: s.Version, PackageURL: s.URL, Components: files,
		Properties: []property{{"dlx:origin", s.Origin}},
	}
	if s.Digest != "" {
		c.Hashes = sha256Hash(s.Digest)
	}
	if s.Compiler != "" {
		c.Properties = append(c.Properties, property{"dlx:compiler", s.Compiler})
	}
	for _, a := range s.Archives {
		c.References = append(c.References, externalReference{URL: a.URL, Hashes: sha256Hash(a.SHA256), Type: "source-distribution"})
	}
	if s.License != "" {
		c.Licenses = []licenseExpression{{s.License}}
	}
	return c
}
