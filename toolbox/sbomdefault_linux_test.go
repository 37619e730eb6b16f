//go:build dlx_toolbox

package toolbox_test

import (
	"bytes"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"dlx/toolbox"
	"dlx/toolbox/layout"
)

// component is one of a bill of materials.
type component struct {
	Name, Version, Purl string
	BOMRef              string `json:"bom-ref"`
	Hashes              []struct{ Alg, Content string }
	Licenses            []struct{ Expression string }
	ExternalReferences  []struct {
		Type, URL string
		Hashes    []struct{ Content string }
	}
	Properties []struct{ Name, Value string }
}

func (c *component) property(name string) string {
	for _, p := range c.Properties {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// hash is the SHA-256 of a component.
func (c *component) hash() string {
	if len(c.Hashes) != 1 || c.Hashes[0].Alg != "SHA-256" {
		return ""
	}
	return c.Hashes[0].Content
}

// components are those of the default toolbox, by name.
func components(t *testing.T, b *toolbox.Bundle) map[string]*component {
	t.Helper()
	var bom struct{ Components []*component }
	if err := json.Unmarshal(sbomOf(t, b), &bom); err != nil {
		t.Fatal(err)
	}
	byName, refs := map[string]*component{}, map[string]bool{}
	for _, c := range bom.Components {
		if refs[c.BOMRef] {
			t.Errorf("%s is there twice", c.BOMRef)
		}
		refs[c.BOMRef] = true
		byName[c.Name] = c
	}
	return byName
}

// TestSBOMSources looks for the source packages of the default toolbox, and for what their programs
// were built with.
func TestSBOMSources(t *testing.T) {
	b, err := toolbox.Default()
	if err != nil {
		t.Fatal(err)
	}
	list := components(t, b)
	for name, license := range map[string]string{
		"bash": "GPL-3.0-or-later", "busybox": "GPL-2.0-only", "jq": "MIT", "strace": "LGPL-2.1-or-later", "libonig": "BSD-2-Clause",
		"ncurses": "X11-distribute-modifications-variant",
	} {
		c := list[name]
		if c == nil {
			t.Errorf("%s is missing", name)
			continue
		}
		if c.Purl != toolbox.DebURL(name, c.Version, "source") || c.Version == "" || len(c.hash()) != 64 || len(c.Licenses) != 1 || c.Licenses[0].Expression != license {
			t.Errorf("%s: %+v", name, c)
		}
		if !strings.HasPrefix(c.property("dlx:compiler"), "gcc ") && !strings.Contains(c.property("dlx:compiler"), "-gcc ") {
			t.Errorf("%s was compiled by %q", name, c.property("dlx:compiler"))
		}
		archives := 0
		for _, r := range c.ExternalReferences {
			if r.Type == "source-distribution" && strings.HasPrefix(r.URL, "https://deb.debian.org/") && len(r.Hashes) == 1 && len(r.Hashes[0].Content) == 64 {
				archives++
			}
		}
		if archives < 3 { // the .dsc, what it is of, and what Debian has changed
			t.Errorf("%s is made of %+v", name, c.ExternalReferences)
		}
	}
	for _, name := range []string{"musl-dev", "linux-libc-dev"} {
		if c := list[name]; c == nil || c.Version == "" || len(c.hash()) != 64 || len(c.Licenses) != 1 || c.Purl != toolbox.DebURL(name, c.Version, b.Manifest().Arch) {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if c := list["libgcc"]; c == nil || c.Version == "" {
		t.Errorf("libgcc: %+v", c)
	}
	for _, f := range b.Manifest().Files {
		if c := list[f.Package]; f.Link == "" && (c == nil || c.Version != f.Version || f.Origin != c.property("dlx:origin")) {
			t.Errorf("%s is of %s %s, %s, which the bill of materials does not have", f.Path, f.Package, f.Version, f.Origin)
		}
	}
}

// TestSBOMModules looks for each module that dlx's own programs say they consist of.
func TestSBOMModules(t *testing.T) {
	b, err := toolbox.Default()
	if err != nil {
		t.Fatal(err)
	}
	list, modules := components(t, b), 0
	for _, file := range []string{layout.Tools, layout.Init} {
		info, err := buildinfo.Read(bytes.NewReader(toolbox.Content(b, file)))
		if err != nil {
			t.Fatal(err)
		}
		if c := list["std"]; c == nil || "go"+c.Version != info.GoVersion {
			t.Errorf("%s was built by %s, not %+v", file, info.GoVersion, c)
		}
		for _, m := range info.Deps {
			modules++
			c := list[m.Path]
			if c == nil || c.Version != m.Version || c.Purl != toolbox.GoURL(m.Path, m.Version) || !strings.Contains(c.property("dlx:origin"), m.Sum) {
				t.Errorf("%s of %s: %+v", m.Path, file, c)
				continue
			}
			sum, err := hex.DecodeString(c.hash())
			if err != nil || "h1:"+base64.StdEncoding.EncodeToString(sum) != m.Sum {
				t.Errorf("%s has hash %s, not %s", m.Path, c.hash(), m.Sum)
			}
		}
	}
	if modules < 13 {
		t.Errorf("%d modules", modules)
	}
}
