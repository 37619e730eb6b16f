package layer_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dlx/internal/testutil"
	"dlx/record/audit"
	"dlx/record/layer"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// overlay is a mounted overlay whose lower layer has the files old, gone and dir/old.
func overlay(t testing.TB) (merged, upper string) {
	t.Helper()
	testutil.RequireRoot(t)
	base := t.TempDir()
	lower, work := filepath.Join(base, "lower"), filepath.Join(base, "work")
	merged, upper = filepath.Join(base, "mer ged"), filepath.Join(base, "upper")
	for _, dir := range []string{lower + "/dir", work, merged, upper} {
		must(t, os.MkdirAll(dir, 0o755))
	}
	for _, name := range []string{"old", "gone", "dir/old", "same"} {
		must(t, os.WriteFile(filepath.Join(lower, name), []byte(name), 0o644))
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work)
	must(t, exec.CommandContext(t.Context(), testutil.RequireTool(t, "mount"), "-t", "overlay", "-o", options, "overlay", merged).Run())
	t.Cleanup(func() { must(t, exec.Command("umount", merged).Run()) })
	return merged, upper
}

func lines(c *audit.Changes) (list []string) {
	for _, one := range c.List {
		list = append(list, one.Kind+" "+one.Path)
	}
	slices.Sort(list)
	return list
}

// TestChanged: what was made, changed and removed since a time, and nothing else.
func TestChanged(t *testing.T) {
	merged, upper := overlay(t)
	must(t, os.WriteFile(merged+"/before", nil, 0o644))
	info, err := os.Stat(upper + "/before")
	must(t, err)
	testutil.Wait(t, "a later time", time.Second, func() bool { return time.Since(info.ModTime()) > 50*time.Millisecond })
	since := time.Now()
	must(t, os.WriteFile(merged+"/new", []byte("12345"), 0o4755))
	must(t, os.Chmod(merged+"/dir/old", 0o600))
	must(t, os.Remove(merged+"/gone"))
	must(t, os.Symlink("/etc", merged+"/link"))
	must(t, os.Chtimes(merged+"/new", time.Unix(0, 0), time.Unix(0, 0))) // which a session may do
	c := layer.Changed(t.Context(), upper, since)
	want := []string{"directory /", "directory /dir", "file /dir/old", "file /new", "link /link", "removed /gone"}
	if got := lines(c); !slices.Equal(got, want) || c.Unknown != "" || c.More != 0 {
		t.Errorf("%q, want %q; %+v", got, want, c)
	}
	if i := slices.IndexFunc(c.List, func(one audit.Change) bool { return one.Path == "/new" }); c.List[i].Size != 5 || c.List[i].Mode != "0755" {
		t.Errorf("%+v", c.List[i])
	}
}

// TestBounds: what is not looked at, or has no room, is told of.
func TestBounds(t *testing.T) {
	dir := t.TempDir()
	since := time.Now()
	if c := layer.Changed(t.Context(), dir+"/none", since); c.Unknown == "" {
		t.Errorf("%+v", c)
	}
	deep := dir
	for range 70 {
		deep += "/d"
	}
	must(t, os.MkdirAll(deep, 0o755))
	if c := layer.Changed(t.Context(), dir, since); !strings.Contains(c.Unknown, "deep") || len(c.List) < 60 {
		t.Errorf("%+v", c)
	}
	for i := range 500 {
		must(t, os.WriteFile(fmt.Sprintf("%s/%d%s", dir, i, strings.Repeat("x", 200)), nil, 0o600))
	}
	c := layer.Changed(t.Context(), dir, since)
	if c.More == 0 || c.More+len(c.List) != 500+66 {
		t.Errorf("%d and %d more", len(c.List), c.More)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c := layer.Changed(ctx, dir, since); !strings.Contains(c.Unknown, "too long") {
		t.Errorf("%+v", c)
	}
}

// TestUpper: the host's mount table tells an overlay's upper directory.
func TestUpper(t *testing.T) {
	merged, upper := overlay(t)
	if got, err := layer.Upper(merged); got != upper || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := layer.Upper(upper); got != "" || err == nil {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzUpper(f *testing.F) {
	f.Add("36 35 98:0 /mnt1 /m rw - overlay none rw,upperdir=/a\\040b,workdir=/w\n", "/m")
	f.Add("36 35 98:0 / /m rw - tmpfs a b\n - \n", "/m")
	f.Fuzz(func(t *testing.T, table, merged string) {
		if upper := layer.UpperOf(table, merged); upper != "" && !strings.HasPrefix(upper, "/") {
			t.Errorf("%q", upper)
		}
	})
}
