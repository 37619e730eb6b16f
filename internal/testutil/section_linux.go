package testutil

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateSections = flag.Bool("update-docs", false, "write the parts of documents that are made of code anew")

// Section compares a part of a document, between two comments that name it, with what it is made
// of. With -update-docs it is written anew.
func Section(t testing.TB, name, part, made string) {
	t.Helper()
	file := filepath.Join(ModuleRoot(t), name)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := fmt.Sprintf("<!-- %s: made by a test, see CONTRIBUTING.md -->\n", part), fmt.Sprintf("<!-- end of %s -->\n", part)
	before, rest, _ := strings.Cut(string(data), begin)
	there, after, ok := strings.Cut(rest, end)
	switch {
	case !ok:
		t.Fatalf("%s has no %q", name, begin)
	case there == made:
	case *updateSections:
		if err := os.WriteFile(file, []byte(before+begin+made+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s (-there +made):\n%s", name, cmp.Diff(there, made))
	}
}
