//go:build linux

package enginetest

import (
	"testing"

	"dlx/engine"
	"dlx/internal/testutil"
)

// list checks what is said of containers with and without a shell.
func (s *suite) list(t *testing.T) {
	e := s.engine(t)
	bare := s.pause(t, testutil.RunOptions{})
	image := testutil.Image(t, "shell", testutil.Prog(t, "pause"), testutil.Busybox(t), testutil.Symlink("/bin/sh", "busybox"))
	full := testutil.Run(t, testutil.RunOptions{Image: image})
	// A link out of the container leads back into it: /etc/hostname of the host is no program.
	trick := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "trick", testutil.Prog(t, "pause"), testutil.Dir("/bin", 0o755), testutil.Symlink("/bin/sh", "/../../../usr/bin/bash"))})
	list, err := e.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]engine.Container{}
	for _, c := range []struct {
		*testutil.Container
		shell string
	}{{bare, ""}, {full, "/bin/sh"}, {trick, ""}} {
		line := engine.Container{Shell: c.shell}
		line.Name, line.PID = c.Name, c.PID
		want[c.ID] = line
	}
	found := 0
	for _, got := range list {
		w, ok := want[got.ID]
		if !ok {
			continue
		}
		found++
		if got.Name != w.Name || got.PID != w.PID || got.Shell != w.Shell || got.Runtime != "docker" || got.State != "running" {
			t.Errorf("listed %+v, want name %s, PID %d, shell %q", got, w.Name, w.PID, w.Shell)
		}
	}
	if found != len(want) {
		t.Errorf("%d of %d containers listed", found, len(want))
	}
	names, err := e.Names(t.Context())
	if err != nil || len(names) < len(want) {
		t.Errorf("%d names, %v", len(names), err)
	}
}
