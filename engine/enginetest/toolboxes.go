//go:build linux

package enginetest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/engine"
	"dlx/fault"
	"dlx/toolbox"
)

// toolboxes keeps one, and checks what is said of it before and afterwards.
func (s *suite) toolboxes(t *testing.T) {
	m := s.newBoxes(t)
	e := s.engineAt(t, m.at)
	file := m.save("kept", m.sign(m.box("kept", map[string]string{"share/a": "four", "share/b": ""})))
	foreign := m.save("foreign", m.sign(m.box("foreign", nil), newKey(t)))
	want := engine.Toolbox{Name: "kept", Version: "1", Key: "team", Files: 2, Bytes: 4}
	same := func(what string, got engine.Toolbox, err error) {
		t.Helper()
		got = engine.Toolbox{Name: got.Name, Version: got.Version, Key: got.Key, Files: got.Files, Bytes: got.Bytes}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
		}
	}
	if _, err := e.VerifyToolbox(t.Context(), engine.ToolboxName("kept")); !errors.Is(err, fault.NoToolbox) {
		t.Errorf("before it is kept: %v, want fault.NoToolbox", err)
	}
	got, err := e.VerifyToolbox(t.Context(), file)
	same("verify the file", got, err)
	public, err := newKey(t).Public()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.VerifyToolbox(t.Context(), file, public); !s.is(err, fault.ToolboxRefused, toolbox.ErrUnknownKey) {
		t.Errorf("with another key: %v, want ErrUnknownKey", err)
	}
	got, err = e.ImportToolbox(t.Context(), file)
	same("import", got, err)
	if _, err := e.ImportToolbox(t.Context(), foreign); !s.is(err, fault.ToolboxRefused, toolbox.ErrUnknownKey) {
		t.Errorf("import of another's: %v, want ErrUnknownKey", err)
	}
	got, err = e.VerifyToolbox(t.Context(), engine.ToolboxName("kept@1"))
	same("verify by name", got, err)
	list, err := e.Toolboxes(t.Context())
	if err != nil || len(list) != 2 || list[0].Name != "default" || list[0].Refused != "" {
		t.Fatalf("%d are listed, %v, want dlx's own and the one that is kept", len(list), err)
	}
	same("list", list[1], nil)
	if diff := cmp.Diff([]toolbox.Package{{Name: "kept", Files: 2}}, list[1].Packages); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	names, err := e.ToolboxNames(t.Context())
	if diff := cmp.Diff([]string{"kept"}, names); err != nil || diff != "" {
		t.Errorf("names: %v (-want +got):\n%s", err, diff)
	}
	for _, ref := range []engine.ToolboxRef{nil, engine.ToolboxName("kept")} {
		if sbom, err := e.ToolboxSBOM(t.Context(), ref); err != nil || !strings.Contains(string(sbom), "CycloneDX") {
			t.Errorf("bill of materials of %v: %.40q, %v", ref, sbom, err)
		}
	}
}

// health wants this machine to have all that the work takes.
func (s *suite) health(t *testing.T) {
	checks, err := s.engine(t).Health(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if !c.OK {
			t.Errorf("%s: %s", c.Name, c.Found)
		}
	}
	for _, name := range []string{"kernel", "docker", engine.CheckPrivileges, engine.CheckToolbox, engine.CheckInjected} {
		if !slices.ContainsFunc(checks, func(c engine.Check) bool { return c.Name == name && c.Found != "" }) {
			t.Errorf("nothing is said of %s", name)
		}
	}
}
