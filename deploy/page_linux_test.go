package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dlx/internal/testutil"
)

// page is what README.md says.
type page struct {
	build, run string   // commands
	caps       []string // of the command
	table      []string // those that have a reason
}

func readPage(t *testing.T) *page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testutil.ModuleRoot(t), "deploy/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "\n```\n")
	block, _, _ = strings.Cut(block, "\n```\n")
	p := &page{}
	p.build, p.run, _ = strings.Cut(block, "\n")
	p.run = strings.ReplaceAll(p.run, "\\\n  ", "")
	for _, m := range regexp.MustCompile(`--cap-add (\w+) `).FindAllStringSubmatch(p.run, -1) {
		p.caps = append(p.caps, m[1])
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| .+ \\| .+ \\|$").FindAllStringSubmatch(string(text), -1) {
		p.table = append(p.table, m[1])
	}
	slices.Sort(p.caps)
	slices.Sort(p.table)
	return p
}
