package build_test

import (
	"bytes"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/internal/applet"
	"dlx/internal/testutil"
	"dlx/toolbox"
)

// TestPureGo: a toolbox of dlx's own tools alone has each of them by its name, and they run where
// there is nothing else.
func TestPureGo(t *testing.T) {
	testutil.RequireRoot(t)
	testutil.RequireDocker(t)
	box := pureGo(t)
	image := []testutil.Program{testutil.Prog(t, "pause")}
	var names []string
	for _, f := range box.Files() {
		if f.Link != "" {
			names = append(names, path.Base(f.Path))
			image = append(image, testutil.Symlink("/"+f.Path, f.Link))
			continue
		}
		var data bytes.Buffer
		if err := box.CopyTo(&data, f.Path); err != nil {
			t.Fatal(err)
		}
		image = append(image, testutil.Program{Path: "/" + f.Path, Data: data.Bytes(), Mode: int64(f.Mode)})
	}
	if diff := cmp.Diff(applet.Names(), names); diff != "" {
		t.Errorf("names (-dlx-tools +toolbox):\n%s", diff)
	}
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pure-go", image...)})
	for want, command := range map[string][]string{
		"dlx-tools\n": {"/bin/readlink", "/bin/ls"},
		"42 pause\n":  {"/bin/sh", "-c", "echo $((6*7)) $(ls / | grep -E '^pause$' | head -n 1)"},
	} {
		if code, out := c.Exec(command...); code != 0 || out != want {
			t.Errorf("%s: status %d, %q, want %q", strings.Join(command, " "), code, out, want)
		}
	}
}

// pureGo is made by a dlx that is built, since a test's program is none of the tools.
func pureGo(t *testing.T) *toolbox.Verified {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "box")
	out, err := exec.Command(testutil.BuildDlx(t), "toolbox", "build", "--pure-go", "-o", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("dlx toolbox build --pure-go: %v\n%s", err, out)
	}
	b, err := toolbox.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	box, err := toolbox.Inspect(b)
	if err != nil {
		t.Fatal(err)
	}
	return box
}
