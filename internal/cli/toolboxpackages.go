package cli

import (
	"cmp"
	"fmt"
	"slices"
	"text/tabwriter"

	"dlx/internal/printable"
	"dlx/toolbox"
)

// packageRow is what a toolbox has of a package.
type packageRow struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	License string `json:"license,omitempty"`
	Origin  string `json:"origin,omitempty"`
	Files   int    `json:"files"`
}

// packagesOf are the packages that a manifest's files are of, in order of their names.
func packagesOf(m *toolbox.Manifest) []packageRow {
	var rows []packageRow
	for _, f := range m.Files {
		if f.Link != "" {
			continue
		}
		i := slices.IndexFunc(rows, func(r packageRow) bool { return r.Name == f.Package && r.Version == f.Version && r.Origin == f.Origin })
		if i < 0 {
			i = len(rows)
			rows = append(rows, packageRow{Name: f.Package, Version: f.Version, License: f.License, Origin: f.Origin})
		}
		rows[i].Files++
	}
	slices.SortStableFunc(rows, func(a, b packageRow) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	return rows
}

func (a *app) printPackages(rows []toolboxRow) error {
	w := tabwriter.NewWriter(a.stdout, 0, 8, 3, ' ', 0)
	fmt.Fprintln(w, "TOOLBOX\tPACKAGE\tVERSION\tLICENSE")
	for _, r := range rows {
		for _, p := range r.Packages {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", printable.Escape(r.Name), orDash(printable.Escape(p.Name)), orDash(printable.Escape(p.Version)),
				orDash(printable.Escape(p.License)))
		}
	}
	return w.Flush()
}
