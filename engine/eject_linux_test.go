package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
)

// TestAttackEject: a container swaps the toolbox's files for FIFOs and links and back
// while they are taken out. All is taken out, or what is left is named; no FIFO,
// which stands for a device, is ever opened. Defences: a file is compared by the
// descriptor that was looked at, and eject tries again.
func TestAttackEject(t *testing.T) {
	e := newLocal(t)
	const rounds = 12
	image := testutil.Image(t, "racer", testutil.Prog(t, "racer"), testutil.Dir("/etc", 0o755))
	failed, whole := 0, 0
	for range rounds {
		c := testutil.Run(t, testutil.RunOptions{Image: image, Cmd: []string{"/racer", "/.dlx"}, NetworkMode: testutil.SharedNetwork(t)})
		waitReady(t, c)
		if _, err := e.Inject(t.Context(), engine.InjectRequest{Target: c.ID}); err != nil {
			t.Fatal(err)
		}
		results, err := e.Eject(t.Context(), engine.EjectRequest{Target: c.ID})
		opened := strings.Count(c.Logs(), "opened")
		if opened > 0 {
			t.Errorf("a FIFO was opened %d times", opened)
		}
		c.Kill("SIGKILL")
		testutil.Wait(t, "the racer's end", attackLimit, func() bool { return !c.Inspect().State.Running })
		var named []string
		switch {
		case err == nil:
			named = results[0].Left
		case errors.Is(err, fault.ToolboxStuck), errors.Is(err, fault.ToolboxMoved):
			named = fault.Of(err).Detail
		default:
			failed++
			t.Logf("eject gave up: %v", err)
		}
		left := upper(t, c)
		if len(left) == 0 {
			whole++
		}
		for _, p := range left {
			if !slices.ContainsFunc(named, func(n string) bool { return p == n || strings.HasPrefix(p, n+"/") }) {
				t.Errorf("%s is left and not named: %v, %v", p, named, err)
			}
		}
		c.Remove()
		_, _ = e.Eject(t.Context(), engine.EjectRequest{All: true}) // clears the record
	}
	t.Logf("of %d ejects %d gave up, %d left nothing", rounds, failed, whole)
	if failed > 0 {
		t.Errorf("%d of %d ejects gave up", failed, rounds)
	}
}

// upper lists the files and links that a container has in its layer but for the racer's own.
func upper(t *testing.T, c *testutil.Container) (list []string) {
	t.Helper()
	dir := c.Inspect().GraphDriver.Data["UpperDir"]
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		to, _ := os.Readlink(p) // "" for a file
		if err == nil && (d.Type().IsRegular() || d.Type()&os.ModeSymlink != 0 && to != "/etc") {
			list = append(list, strings.TrimPrefix(p, dir))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
