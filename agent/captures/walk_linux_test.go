//go:build failpoints

package captures_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlx/agent/captures"
	"dlx/internal/failpoint"
)

// walkEnv is the directory that a process of TestWalk keeps a capture in.
const walkEnv = "DLX_TEST_CAPTURES_WALK"

func init() {
	dir := os.Getenv(walkEnv)
	if dir == "" {
		return
	}
	if err := walk(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// walk keeps a capture, which another store goes on with.
func walk(dir string) error {
	s, err := captures.Open(dir, captures.Limits{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	c, err := s.New(of("alice", 1000))
	if err != nil {
		return err
	}
	if err := errors.Join(c.Begin(), c.Blocks(head(), 0, 0), c.Blocks(packet(100), 1, 0), c.Pause(), s.Close()); err != nil {
		return err
	}
	if s, err = captures.Open(dir, captures.Limits{}, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	c = s.Unfinished()[0]
	return errors.Join(c.Ready(), c.Begin(), c.Blocks(head(), 0, 0), c.Blocks(packet(100), 1, 0), c.Finish("enough"))
}

// TestWalk kills an agent at every step, as often as it comes to it. The next one has no capture,
// or one that goes on or has ended, and whose file is whole; nothing else is left for long.
func TestWalk(t *testing.T) {
	run := func(dir, point string) ([]string, error) {
		log := filepath.Join(t.TempDir(), "log")
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), walkEnv+"="+dir, failpoint.PointVariable+"="+point, failpoint.LogVariable+"="+log)
		err := cmd.Run()
		data, rerr := os.ReadFile(log)
		if rerr != nil {
			t.Fatal(rerr)
		}
		return strings.Fields(string(data)), err
	}
	passed, err := run(filepath.Join(t.TempDir(), "captures"), "")
	if err != nil || len(passed) < 10 {
		t.Fatalf("%v, points %q", err, passed)
	}
	times := map[string]int{}
	for _, name := range passed {
		times[name]++
		point := fmt.Sprintf("%s:%d", name, times[name])
		dir := filepath.Join(t.TempDir(), "captures")
		if _, err := run(dir, point); !errors.As(err, new(*exec.ExitError)) {
			t.Errorf("%s: %v", point, err)
		}
		s := open(t, dir, captures.Limits{})
		for _, c := range s.Unfinished() {
			if err := c.Ready(); err != nil {
				t.Fatalf("%s: %v", point, err)
			}
			goOn(t, c, packet(10))
			if err := c.Finish("enough"); err != nil {
				t.Errorf("%s: %v", point, err)
			}
		}
		list := s.List(nil)
		if len(list) > 1 || len(list) == 1 && (list[0].Packets == 0 || list[0].Why != "enough") {
			t.Errorf("%s: %+v", point, list)
		}
		for _, i := range list {
			_ = content(t, s.Find(i.ID))
			if err := s.Remove(s.Find(i.ID)); err != nil {
				t.Errorf("%s: %v", point, err)
			}
		}
		s.SetClock(func() time.Time { return time.Now().Add(2 * time.Hour) })
		if _, err := s.Sweep(); err != nil {
			t.Errorf("%s: %v", point, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v, %v", point, left, err)
		}
	}
}
