//go:build failpoints

package cast_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlx/internal/failpoint"
	"dlx/record/cast"
	"dlx/shell"
)

// walkEnv is the directory that a process of TestWalk makes a recording in.
const walkEnv = "DLX_TEST_CAST_WALK"

func init() {
	if dir := os.Getenv(walkEnv); dir != "" {
		r, err := cast.Create(dir, "s1", cast.Options{})
		if err == nil {
			_, s := r.Wrap(context.Background(), shell.Streams{Stdout: io.Discard})
			_, err = io.WriteString(s.Stdout, "hello\n")
		}
		if err == nil {
			_, err = r.Close()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// TestWalk kills the recorder at every step. What is left is a recording that can be played, or has
// no name and goes with the next sweep after an hour.
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
	passed, err := run(castDir(t), "")
	if err != nil || len(passed) < 4 {
		t.Fatalf("%v, points %q", err, passed)
	}
	for _, point := range passed {
		dir := castDir(t)
		if _, err := run(dir, point); !errors.As(err, new(*exec.ExitError)) {
			t.Errorf("%s: %v", point, err)
		}
		list, err := cast.List(dir)
		if err != nil || len(list) > 1 || len(list) == 1 && list[0].Active {
			t.Errorf("%s: %+v, %v", point, list, err)
		}
		if len(list) == 1 {
			if _, err := cast.NewReader(strings.NewReader(string(read(t, dir)))); err != nil {
				t.Errorf("%s: %v", point, err)
			}
		}
		if _, err := cast.Sweep(dir, cast.Keep{MaxAge: time.Hour}, time.Now().Add(2*time.Hour)); err != nil {
			t.Errorf("%s: %v", point, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v, %v", point, left, err)
		}
	}
}
