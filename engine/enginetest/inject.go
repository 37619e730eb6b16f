//go:build linux

package enginetest

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/engine"
	"dlx/fault"
	"dlx/inject"
	"dlx/internal/testutil"
	"dlx/toolbox"
)

// inject checks that the toolbox can be kept in a container and that nothing stays of it.
func (s *suite) inject(t *testing.T) {
	e := s.engine(t)
	for name, opts := range map[string]testutil.RunOptions{"plain": {}, "read-only": {ReadOnly: true}, "user": {User: "65532:65532"}} {
		t.Run(name, func(t *testing.T) {
			c := s.pause(t, opts)
			s.placed(t, e, c)
		})
	}
	t.Run("stopped", func(t *testing.T) {
		c := s.pause(t, testutil.RunOptions{NoStart: true})
		before := c.Diff()
		if _, err := e.Inject(t.Context(), engine.InjectRequest{Target: c.ID}); err != nil {
			t.Fatal(err)
		}
		c.Start()
		s.works(t, c)
		c.Stop()
		s.eject(t, e, c, before)
	})
	t.Run("started between", func(t *testing.T) {
		c := s.pause(t, testutil.RunOptions{NoStart: true})
		before := c.Diff()
		if _, err := e.Inject(t.Context(), engine.InjectRequest{Target: c.ID}); err != nil {
			t.Fatal(err)
		}
		c.Start()
		s.eject(t, e, c, before)
	})
	t.Run("a /.dlx of its own", func(t *testing.T) { s.foreign(t, e) })
	t.Run("left files", func(t *testing.T) { s.left(t, e) })
	t.Run("moved", func(t *testing.T) { s.moved(t, e) })
	t.Run("nothing injected", func(t *testing.T) {
		c := s.pause(t, testutil.RunOptions{})
		_, err := e.Eject(t.Context(), engine.EjectRequest{Target: c.ID})
		if !errors.Is(err, fault.NotInjected) {
			t.Errorf("error %v, want fault.NotInjected", err)
		}
	})
	t.Run("removed container", func(t *testing.T) {
		c := s.pause(t, testutil.RunOptions{})
		if _, err := e.Inject(t.Context(), engine.InjectRequest{Target: c.ID}); err != nil {
			t.Fatal(err)
		}
		c.Remove()
		_, err := e.Eject(t.Context(), engine.EjectRequest{Target: c.Name})
		if !errors.Is(err, fault.Removed) {
			t.Errorf("error %v, want fault.Removed", err)
		}
		results, err := e.Eject(t.Context(), engine.EjectRequest{All: true})
		want := []engine.EjectResult{{Target: c.Name, ID: c.ID, Gone: true}}
		if diff := cmp.Diff(want, results); err != nil || diff != "" {
			t.Errorf("error %v, results (-want +got):\n%s", err, diff)
		}
	})
	t.Run("process without a runtime", func(t *testing.T) {
		_, err := e.Inject(t.Context(), engine.InjectRequest{Target: "pid://1"})
		if !s.is(err, fault.NoLayer, inject.ErrNoLayer) {
			t.Errorf("error %v, want ErrNoLayer as a fault.NoLayer", err)
		}
	})
}

// placed injects twice and ejects.
func (s *suite) placed(t *testing.T, e engine.Engine, c *testutil.Container) {
	t.Helper()
	before := c.Diff()
	for _, already := range []bool{false, true} {
		got, err := e.Inject(t.Context(), engine.InjectRequest{Target: c.Name})
		want := engine.InjectResult{Target: c.Name, Runtime: "docker", ID: c.ID, Path: "/.dlx", Shell: "/.dlx/bin/sh", Already: already}
		if len(got.Toolboxes) != 1 || got.Toolboxes[0].Key != toolbox.BuiltIn {
			t.Errorf("toolboxes %+v, want the one that is built in", got.Toolboxes)
		}
		got.Toolboxes = nil
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("inject: error %v, result (-want +got):\n%s", err, diff)
		}
	}
	s.works(t, c)
	s.eject(t, e, c, before)
}

// works uses the injected toolbox through the runtime, whose PATH does not name it.
func (s *suite) works(t *testing.T, c *testutil.Container) {
	t.Helper()
	code, out := c.Exec("/.dlx/bin/sh", "-c", "ls / && ps && id && echo works")
	if code != 0 || !strings.Contains(out, "works") || !strings.Contains(out, "pause") {
		t.Errorf("exec of the injected shell: status %d, %s", code, out)
	}
}

func (s *suite) eject(t *testing.T, e engine.Engine, c *testutil.Container, before []string) {
	t.Helper()
	got, err := e.Eject(t.Context(), engine.EjectRequest{Target: c.ID})
	if diff := cmp.Diff([]engine.EjectResult{{Target: c.Name, ID: c.ID}}, got); err != nil || diff != "" {
		t.Errorf("eject: error %v, results (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff(before, c.Diff()); diff != "" {
		t.Errorf("docker diff after eject (-before +after):\n%s", diff)
	}
}

// foreign checks that a container's own /.dlx is never touched, whatever it is.
func (s *suite) foreign(t *testing.T, e engine.Engine) {
	host := t.TempDir()
	own := map[string]testutil.Program{
		"directory":           testutil.Dir("/.dlx", 0o755),
		"file":                testutil.Data("/.dlx", "mine", 0o644),
		"link to a host path": testutil.Symlink("/.dlx", host),
	}
	for name, entry := range own {
		for _, stopped := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				image := testutil.Image(t, "foreign", testutil.Prog(t, "pause"), entry)
				c := testutil.Run(t, testutil.RunOptions{Image: image, NoStart: stopped, NetworkMode: testutil.SharedNetwork(t)})
				before, kind := c.Diff(), fault.NoLayer
				if stopped {
					kind = fault.NoStoppedLayer
				}
				if _, err := e.Inject(t.Context(), engine.InjectRequest{Target: c.ID}); !s.is(err, kind, inject.ErrForeign) {
					t.Errorf("error %v, want ErrForeign", err)
				}
				if _, err := e.Eject(t.Context(), engine.EjectRequest{Target: c.ID}); err == nil {
					t.Error("eject of what was never injected succeeded")
				}
				if diff := cmp.Diff(before, c.Diff()); diff != "" {
					t.Errorf("docker diff (-before +after):\n%s", diff)
				}
				if names, err := os.ReadDir(host); err != nil || len(names) != 0 {
					t.Errorf("the host's directory holds %v, %v", names, err)
				}
			})
		}
	}
}

// left checks that eject leaves, and names, what is not the toolbox's.
func (s *suite) left(t *testing.T, e engine.Engine) {
	image := testutil.Image(t, "left", testutil.Prog(t, "pause"), testutil.Busybox(t))
	c := testutil.Run(t, testutil.RunOptions{Image: image, NetworkMode: testutil.SharedNetwork(t)})
	if _, err := e.Inject(t.Context(), engine.InjectRequest{Target: c.ID}); err != nil {
		t.Fatal(err)
	}
	if code, out := c.Exec("/bin/busybox", "sh", "-c", "cd /.dlx; echo mine >bin/mine; rm bin/true; echo mine >bin/true; mkdir share/licenses/empty"); code != 0 {
		t.Fatal(out)
	}
	got, err := e.Eject(t.Context(), engine.EjectRequest{Target: c.ID})
	want := []engine.EjectResult{{Target: c.Name, ID: c.ID, Left: []string{"/.dlx/bin/mine", "/.dlx/bin/true", "/.dlx/share/licenses/empty"}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v, results (-want +got):\n%s", err, diff)
	}
}

// moved checks that a moved or missing toolbox is reported, and a renamed container's is ejected.
func (s *suite) moved(t *testing.T, e engine.Engine) {
	image := testutil.Image(t, "moved", testutil.Prog(t, "pause"), testutil.Busybox(t))
	c := testutil.Run(t, testutil.RunOptions{Image: image, NetworkMode: testutil.SharedNetwork(t)})
	inside := func(script string) {
		t.Helper()
		if code, out := c.Exec("/bin/busybox", "sh", "-c", script); code != 0 {
			t.Fatal(out)
		}
	}
	if _, err := e.Inject(t.Context(), engine.InjectRequest{Target: c.ID}); err != nil {
		t.Fatal(err)
	}
	inside("mv /.dlx /moved")
	_, err := e.Eject(t.Context(), engine.EjectRequest{Target: c.ID})
	if !errors.Is(err, fault.ToolboxMoved) || !slices.Equal(fault.Of(err).Detail, []string{"/moved"}) {
		t.Errorf("error %v, want fault.ToolboxMoved with /moved", err)
	}
	inside("mv /moved /.dlx")
	c.Rename(c.Name + "-renamed")
	got, err := e.Eject(t.Context(), engine.EjectRequest{Target: c.Name})
	if diff := cmp.Diff([]engine.EjectResult{{Target: c.Name, ID: c.ID}}, got); err != nil || diff != "" {
		t.Errorf("error %v, results (-want +got):\n%s", err, diff)
	}
	if _, err := e.Inject(t.Context(), engine.InjectRequest{Target: c.ID}); err != nil {
		t.Fatal(err)
	}
	inside("rm -r /.dlx")
	if _, err := e.Eject(t.Context(), engine.EjectRequest{Target: c.ID}); !errors.Is(err, fault.ToolboxGone) {
		t.Errorf("error %v, want fault.ToolboxGone", err)
	}
	_, err = e.Eject(t.Context(), engine.EjectRequest{Target: c.ID})
	if !errors.Is(err, fault.NotInjected) {
		t.Errorf("error %v, want fault.NotInjected", err)
	}
}
