package agent_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dlx/internal/testutil"
	"dlx/record/audit"
)

// changes are what the record says has changed in the last session.
func (p *place) changes(t *testing.T) (c *audit.Changes) {
	t.Helper()
	_, err := audit.Read(os.DirFS(filepath.Join(p.state, "audit")), audit.Filter{}, func(e *audit.Entry) error {
		switch {
		case e.Kind == audit.KindBegin:
			c = nil
		case e.Ran != nil && e.Ran.Changes != nil:
			c = e.Ran.Changes
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestChanges: the record has the files that a session has made, changed and removed in its
// container, few or many, and says that there are none.
func TestChanges(t *testing.T) {
	p := run(t, shopRules)
	c := paused(t, "shop")
	for _, one := range []struct {
		script string
		want   []string
	}{
		{"echo x >/made; mkdir /d; echo y >/d/f; ln -s /etc /l; rm -f /pause; :", []string{"/made", "/d", "/d/f", "/l"}},
		{":", nil},
		{"rm -r /made /d /l; i=0; while [ $i -lt 100 ]; do echo $i >/many-$i; i=$((i + 1)); done", []string{"/many-0", "/many-99", "/"}},
	} {
		later := time.Now().Add(50 * time.Millisecond)
		testutil.Wait(t, "a time that no file has", limit, func() bool { return time.Now().After(later) })
		if _, err := p.sh(t, c, one.script); err != nil {
			t.Fatal(err)
		}
		got := p.changes(t)
		if got == nil || got.Unknown != "" || got.More > 0 || one.want == nil && len(got.List) > 0 {
			t.Fatalf("%s: %+v", one.script, got)
		}
		for _, name := range one.want {
			if !slices.ContainsFunc(got.List, func(c audit.Change) bool { return c.Path == name }) {
				t.Errorf("%s: no %s in %+v", one.script, name, got.List)
			}
		}
	}
}
