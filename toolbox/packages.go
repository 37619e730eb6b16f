package toolbox

import (
	"cmp"
	"slices"
)

// Package is what a toolbox has of a package.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	License string `json:"license,omitempty"`
	Origin  string `json:"origin,omitempty"`
	Files   int    `json:"files"`
}

// Packages are the packages that the files are of, in order of their names.
func (m *Manifest) Packages() []Package {
	var list []Package
	for _, f := range m.Files {
		if f.Link != "" {
			continue
		}
		i := slices.IndexFunc(list, func(p Package) bool { return p.Name == f.Package && p.Version == f.Version && p.Origin == f.Origin })
		if i < 0 {
			i = len(list)
			list = append(list, Package{Name: f.Package, Version: f.Version, License: f.License, Origin: f.Origin})
		}
		list[i].Files++
	}
	slices.SortStableFunc(list, func(a, b Package) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	return list
}

// Bytes is the size of all files.
func (m *Manifest) Bytes() (size int64) {
	for _, f := range m.Files {
		size += f.Size
	}
	return size
}
