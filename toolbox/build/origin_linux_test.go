package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/toolbox"
)

// TestReadOrigin reads what scripts/toolbox.sh writes, and refuses what has not all of it.
func TestReadOrigin(t *testing.T) {
	digest := strings.Repeat("0f", 32)
	for _, c := range []struct {
		name, text string
		want       []toolbox.SourceObject
	}{
		{"whole", "version 1:1-2\nfolder pool/main/x/x\nfile " + digest + "  x_1-2.dsc\n", []toolbox.SourceObject{{URL: "https://deb.debian.org/debian/pool/main/x/x/x_1-2.dsc", SHA256: digest}}},
		{"security", "version 1\nfolder pool/updates/main/x/x\nfile " + digest + "  x.dsc\n", []toolbox.SourceObject{{URL: "https://deb.debian.org/debian-security/pool/updates/main/x/x/x.dsc", SHA256: digest}}},
		{"no version", "folder pool/main/x/x\nfile " + digest + "  x.dsc\n", nil},
		{"no file", "version 1\nfolder pool/main/x/x\n", nil},
		{"short digest", "version 1\nfolder pool/main/x/x\nfile 0f  x.dsc\n", nil},
		{"unknown line", "version 1\nfolder pool/main/x/x\nmd5 " + digest + "  x.dsc\n", nil},
	} {
		file := filepath.Join(t.TempDir(), "x.origin")
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		o, err := readOrigin(file)
		if (err != nil) != (c.want == nil) {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, o.files); err == nil && diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
