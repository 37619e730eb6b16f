//go:build failpoints

package failpoint_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"dlx/internal/testutil"
)

// holdPoints are where a container is traced, or stopped, or about to be.
var holdPoints = []string{
	"debug.watching", "debug.caught", "debug.seized", "debug.held", "debug.begun", "debug.stopping", "debug.stopped",
	"session.spawned", "session.running", "session.ended", "debug.close",
}

// holdShort are those of them that are tried without -long: who holds the container, or is to have
// it go on, differs from one to the next.
var holdShort = []string{"debug.watching", "debug.caught", "debug.seized", "debug.stopped", "session.running"}

// TestHold kills dlx wherever it holds a container, which goes on to its own end each time.
func TestHold(t *testing.T) {
	w := newWalk(t)
	const status = 3
	c := testutil.Run(t, testutil.RunOptions{
		Image: testutil.Image(t, "box", testutil.Busybox(t)), Cmd: []string{"/bin/busybox", "sh", "-c", "exit 3"}, NoStart: true,
	})
	for _, when := range []string{"--on-exit", "--on-start"} {
		args := []string{"debug", when, c.Name, "--", "true"}
		at := func(point string) []string {
			t.Helper()
			if err := os.WriteFile(filepath.Join(w.dir, "log"), nil, 0o600); err != nil { // of the last one
				t.Fatal(err)
			}
			var starting sync.WaitGroup
			starting.Go(func() {
				testutil.Wait(t, "dlx to wait, killed at "+point, leftLimit, func() bool {
					return slices.Contains(w.log(), "debug.watching")
				})
				c.Start()
			})
			passed, res := w.at(point, args...)
			starting.Wait()
			if name, _, _ := strings.Cut(point, ":"); point != "" && (!killed(res) || !slices.Contains(passed, name)) {
				t.Errorf("%s, %s: status %d: %s", when, point, res.Code, res.Stderr)
			}
			testutil.Wait(t, "the container's end, killed at "+point, leftLimit, func() bool { return !c.Inspect().State.Running })
			if code := c.Inspect().State.ExitCode; code != status {
				t.Errorf("%s, %s: the container has ended with %d", when, point, code)
			}
			w.check(point)
			return passed
		}
		points := slices.DeleteFunc(selected(at("")), func(p string) bool {
			name, _, _ := strings.Cut(p, ":")
			return !slices.Contains(holdPoints, name)
		})
		if len(points) < len(holdPoints)-3 {
			t.Fatalf("%s: points %q", when, points)
		}
		if !*long {
			points = slices.DeleteFunc(points, func(p string) bool {
				name, _, _ := strings.Cut(p, ":")
				return !slices.Contains(holdShort, name)
			})
		}
		for _, point := range points {
			at(point)
		}
	}
}
