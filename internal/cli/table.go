package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"dlx/internal/printable"
)

// table is a list in columns. All of it is escaped: most of what is listed comes from containers,
// from their runtimes or from an agent.
type table struct{ w *tabwriter.Writer }

func (a *app) table(header ...string) *table {
	t := &table{tabwriter.NewWriter(a.stdout, 0, 8, 3, ' ', 0)}
	t.row(header)
	return t
}

// row writes a line of cells.
func (t *table) row(cells []string) {
	line := make([]string, len(cells))
	for i, c := range cells {
		line[i] = printable.Escape(c)
	}
	fmt.Fprintln(t.w, strings.Join(line, "\t"))
}

func (t *table) flush() error { return t.w.Flush() }

// orDash stands in for what is empty.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
