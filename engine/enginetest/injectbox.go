//go:build linux

package enginetest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/toolbox"
)

// injectToolboxes checks that sessions see toolboxes placed, and that a refused one leaves nothing.
func (s *suite) injectToolboxes(t *testing.T) {
	m := s.newBoxes(t)
	e := s.engineAt(t, m.at)
	first := m.save("first", m.sign(m.box("first", map[string]string{"share/who": "first", "share/what": "a file"})))
	second := m.save("second", m.sign(m.box("second", map[string]string{"share/who": "second", "share/only": "second", "share/what/below": "x"})))
	for name, opts := range map[string]testutil.RunOptions{"plain": {}, "read-only": {ReadOnly: true}, "stopped": {NoStart: true}} {
		t.Run(name, func(t *testing.T) {
			c := s.pause(t, opts)
			before := c.Diff()
			req := engine.InjectRequest{Target: c.ID, Toolboxes: []engine.ToolboxRef{first, second}}
			res, err := e.Inject(t.Context(), req)
			if err != nil || res.Shell != "/.dlx/bin/sh" || res.Already || len(res.Toolboxes) != 3 || res.Toolboxes[0].Name != "first" || res.Toolboxes[0].Key != "team" {
				t.Fatalf("inject: %+v, %v", res, err)
			}
			if opts.NoStart {
				c.Start()
			}
			s.sameAsDebug(t, e, c, req.Toolboxes)
			s.already(t, e, req, first, second)
			s.eject(t, e, c, before)
		})
	}
	t.Run("no shell", func(t *testing.T) {
		c := s.pause(t, testutil.RunOptions{})
		before := c.Diff()
		b := m.box("bare", map[string]string{"bin/sh/x": "", "bin/bash/x": ""})
		b.Add("bin/0", testutil.Prog(t, "true").Data, 0o755, toolbox.Source{Package: "true"})
		res, err := e.Inject(t.Context(), engine.InjectRequest{Target: c.ID, Toolboxes: []engine.ToolboxRef{m.save("bare", m.sign(b))}})
		if err != nil || res.Shell != "" || res.Program != "/.dlx/bin/0" {
			t.Fatalf("inject: %+v, %v; want the program /.dlx/bin/0 and no shell", res, err)
		}
		if code, out := c.Exec(res.Program); code != 0 {
			t.Errorf("%s: status %d, %s", res.Program, code, out)
		}
		s.eject(t, e, c, before)
	})
	t.Run("refused", func(t *testing.T) { s.refused(t, e, m) })
}

// sameAsDebug compares what a session sees of toolboxes with what was injected of them.
func (s *suite) sameAsDebug(t *testing.T, e engine.Engine, c *testutil.Container, refs []engine.ToolboxRef) {
	t.Helper()
	const script = "find . | sort; cat share/who share/only share/what"
	want := sh(t, e, engine.DebugRequest{Target: c.ID, Toolboxes: refs}, "cd /dev/.dlx; "+script)
	code, got := c.Exec("/.dlx/bin/sh", "-c", "cd /.dlx; "+script)
	if diff := cmp.Diff(want, got); code != 0 || diff != "" || !strings.HasSuffix(got, "firstseconda file") {
		t.Errorf("status %d, what dlx debug shows and what is injected (-debug +inject):\n%s", code, diff)
	}
}

// already injects again what is there, which is fine. It then injects something else: an error.
func (s *suite) already(t *testing.T, e engine.Engine, there engine.InjectRequest, first, second engine.ToolboxRef) {
	t.Helper()
	for _, refs := range [][]engine.ToolboxRef{there.Toolboxes, nil} {
		if res, err := e.Inject(t.Context(), engine.InjectRequest{Target: there.Target, Toolboxes: refs}); err != nil || !res.Already || len(res.Toolboxes) != 3 {
			t.Errorf("inject %v again: %+v, %v", refs, res, err)
		}
	}
	for _, refs := range [][]engine.ToolboxRef{{first}, {second, first}} {
		_, err := e.Inject(t.Context(), engine.InjectRequest{Target: there.Target, Toolboxes: refs})
		if !errors.Is(err, fault.OtherToolbox) || len(fault.Of(err).Detail) != 3 {
			t.Errorf("inject %v: error %v, want fault.OtherToolbox", refs, err)
		}
	}
}

// refused injects what no session would be shown.
func (s *suite) refused(t *testing.T, e engine.Engine, m *boxes) {
	unknown, revoked := newKey(t), newKey(t)
	m.publish(revoked, "trusted.d", "old.pub")
	m.publish(revoked, "revoked.d", "old.pub")
	files := map[string]string{"share/who": "nobody"}
	expired, newer, older := m.box("expired", files), m.box("aged", files), m.box("aged", files)
	expired.NotAfter = time.Now().Add(-time.Hour)
	newer.Sequence, older.Sequence = 2, 1
	changed := filepath.Join(t.TempDir(), "changed")
	if err := errors.Join(m.sign(m.box("changed", files)).WriteFolder(changed), os.WriteFile(filepath.Join(changed, "share/who"), []byte("NOBODY"), 0o644)); err != nil {
		t.Fatal(err)
	}
	c := s.pause(t, testutil.RunOptions{})
	before := c.Diff()
	if _, err := e.Inject(t.Context(), engine.InjectRequest{Target: c.ID, Toolboxes: []engine.ToolboxRef{m.save("newer", m.sign(newer))}}); err != nil {
		t.Fatal(err)
	}
	s.eject(t, e, c, before)
	for name, tt := range map[string]struct {
		ref  engine.ToolboxFile
		kind fault.Kind
		want error
	}{
		"unsigned":    {m.save("unsigned", bundle(t, m.box("unsigned", files))), fault.ToolboxRefused, toolbox.ErrUnsigned},
		"unknown key": {m.save("unknown", m.sign(m.box("unknown", files), unknown)), fault.ToolboxRefused, toolbox.ErrUnknownKey},
		"revoked key": {m.save("revoked", m.sign(m.box("revoked", files), revoked)), fault.ToolboxRefused, toolbox.ErrRevokedKey},
		"expired":     {m.save("expired", m.sign(expired)), fault.ToolboxRefused, toolbox.ErrExpired},
		"older":       {m.save("older", m.sign(older)), fault.ToolboxRefused, toolbox.ErrOlder},
		"changed":     {engine.ToolboxFile(changed), fault.ToolboxRefused, toolbox.ErrChanged},
		"not there":   {engine.ToolboxFile(filepath.Join(t.TempDir(), "none.tar.zst")), fault.Internal, fs.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := e.Inject(t.Context(), engine.InjectRequest{Target: c.ID, Toolboxes: []engine.ToolboxRef{tt.ref}}); !s.is(err, tt.kind, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if diff := cmp.Diff(before, c.Diff()); diff != "" {
				t.Errorf("docker diff (-before +after):\n%s", diff)
			}
			_, err := e.Eject(t.Context(), engine.EjectRequest{Target: c.ID})
			if !errors.Is(err, fault.NotInjected) {
				t.Errorf("eject: error %v, want fault.NotInjected", err)
			}
		})
	}
}
