package toolbox_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"dlx/toolbox"
)

// cycloneDX is the schema of bills of materials, which comes with cyclonedx-go.
func cycloneDX(t *testing.T) *jsonschema.Schema {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	for file, id := range map[string]string{"bom-1.6.schema.json": "bom-1.6.schema.json", "spdx.schema.json": "spdx.schema.json", "jsf-0.82.schemax.json": "jsf-0.82.schema.json"} {
		f, err := os.Open(filepath.Join(strings.TrimSpace(string(out)), "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource("http://cyclonedx.org/schema/"+id, doc); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// besideOwn is a toolbox in the making, and dlx's own.
func besideOwn(t *testing.T, b *toolbox.Builder) []*toolbox.Bundle {
	t.Helper()
	made, err := b.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	own, err := toolbox.Default()
	if err != nil {
		t.Fatal(err)
	}
	return []*toolbox.Bundle{made, own}
}

// TestSBOMLibrary: cyclonedx-go reads all of a bill of materials, and writes the same bytes.
func TestSBOMLibrary(t *testing.T) {
	all := toolbox.Builder{Name: "all", Version: "1", Arch: "amd64", Created: time.Unix(1e9, 0)}
	all.Add("bin/x", []byte("x"), 0o755, toolbox.Source{
		Package: "x", Version: "1", Origin: "<here> & there", License: "MIT", URL: "pkg:deb/debian/x@1?arch=source", Digest: strings.Repeat("ab", 32),
		Compiler: "gcc 12", Archives: []toolbox.SourceObject{{URL: "https://example.org/x.tar", SHA256: strings.Repeat("cd", 32)}},
	})
	all.Add("bin/bare", nil, 0o755, toolbox.Source{Package: "bare"})
	all.Part(toolbox.Source{Package: "part", Version: "2"})
	for _, b := range besideOwn(t, &all) {
		var doc cdx.BOM
		if err := cdx.NewBOMDecoder(bytes.NewReader(sbomOf(t, b)), cdx.BOMFileFormatJSON).Decode(&doc); err != nil {
			t.Fatal(err)
		}
		var again bytes.Buffer
		if err := cdx.NewBOMEncoder(&again, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(&doc, cdx.SpecVersion1_6); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(again.String(), string(sbomOf(t, b))); diff != "" {
			t.Errorf("%s (-library +dlx):\n%s", b.Manifest().Title(), diff)
		}
	}
}

// TestSBOM validates bills of materials against CycloneDX's schema, and looks for every file of a
// toolbox with its digest.
func TestSBOM(t *testing.T) {
	schema := cycloneDX(t)
	small := toolbox.Builder{Name: "small", Version: "1", Arch: "amd64", Created: time.Unix(0, 0)}
	small.Add("bin/x", []byte("x"), 0o755, toolbox.Source{Package: "x", Version: "1", Origin: "here", License: "MIT", URL: "pkg:deb/debian/x@1"})
	small.Add("bin/y", []byte("y"), 0o755, toolbox.Source{Package: "y", Origin: "here"})
	small.Part(toolbox.Source{Package: "dep", Version: "2", Origin: "part of x", License: "NOASSERTION"})
	small.Link("bin/z", "x")
	for _, b := range besideOwn(t, &small) {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(sbomOf(t, b)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", b.Manifest().Title(), err)
		}
		var bom struct {
			Components []struct {
				Components []struct {
					Name   string
					Hashes []struct{ Content string }
				}
			}
		}
		if err := json.Unmarshal(sbomOf(t, b), &bom); err != nil {
			t.Fatal(err)
		}
		digests := map[string]string{}
		for _, c := range bom.Components {
			for _, f := range c.Components {
				digests[f.Name] = f.Hashes[0].Content
			}
		}
		for _, f := range b.Manifest().Files {
			if f.Link == "" && digests[f.Path] != f.SHA256 {
				t.Errorf("%s: %s has digest %q in the bill of materials", b.Manifest().Title(), f.Path, digests[f.Path])
			}
		}
	}
}

func sbomOf(t testing.TB, b *toolbox.Bundle) []byte {
	t.Helper()
	sbom, err := b.SBOM()
	if err != nil {
		t.Fatal(err)
	}
	return sbom
}
