package toolbox

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// sbom is the bill of materials (CycloneDX 1.6): a component for each source, with its files below it.
func (b *Builder) sbom() ([]byte, error) {
	slices.SortFunc(b.sources, func(x, y Source) int {
		return cmp.Or(cmp.Compare(x.Package, y.Package), cmp.Compare(x.Version, y.Version), cmp.Compare(x.Origin, y.Origin))
	})
	components := []cdx.Component{}
	for i := range b.sources {
		components = append(components, b.component(&b.sources[i]))
	}
	doc := cdx.NewBOM()
	doc.Metadata = &cdx.Metadata{
		Timestamp: b.Created.UTC().Format(time.RFC3339),
		Component: &cdx.Component{Type: cdx.ComponentTypeApplication, BOMRef: "toolbox", Name: b.Name, Version: b.Version},
	}
	doc.Components = &components
	var out bytes.Buffer
	err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(doc, cdx.SpecVersion1_6)
	return out.Bytes(), err
}

// component describes a source with its files.
func (b *Builder) component(s *Source) cdx.Component {
	files := []cdx.Component{}
	for _, f := range b.files {
		if f.Link != "" || f.Package != s.Package || f.Version != s.Version || f.Origin != s.Origin {
			continue
		}
		files = append(files, cdx.Component{
			Type: cdx.ComponentTypeFile, BOMRef: "file:" + f.Path, Name: f.Path,
			Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: f.SHA256}},
		})
	}
	c := cdx.Component{
		Type: cdx.ComponentTypeApplication, BOMRef: s.Package + "@" + s.Version, Name: s.Package, Version: s.Version,
		PackageURL: s.URL, Components: &files,
		Properties: &[]cdx.Property{{Name: "dlx:origin", Value: s.Origin}},
	}
	if s.Digest != "" {
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: s.Digest}}
	}
	if s.Compiler != "" {
		*c.Properties = append(*c.Properties, cdx.Property{Name: "dlx:compiler", Value: s.Compiler})
	}
	if len(s.Archives) > 0 {
		c.ExternalReferences = &[]cdx.ExternalReference{}
	}
	for _, a := range s.Archives {
		*c.ExternalReferences = append(*c.ExternalReferences, cdx.ExternalReference{
			Type: cdx.ERTypeSourceDistribution, URL: a.URL, Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: a.SHA256}},
		})
	}
	if s.License != "" {
		c.Licenses = &cdx.Licenses{{Expression: s.License}}
	}
	return c
}
