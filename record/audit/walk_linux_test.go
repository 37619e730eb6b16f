//go:build failpoints

package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dlx/internal/failpoint"
	"dlx/record/audit"
)

// walkEnv is the directory that a process of TestWalk writes a short log in.
const walkEnv = "DLX_TEST_AUDIT_WALK"

func init() {
	if dir := os.Getenv(walkEnv); dir != "" {
		if err := short(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// short opens a log, has it rotate, and closes it, and prints each sequence that it is told of.
func short(dir string) error {
	l, err := audit.Open(dir, audit.Options{MaxBytes: 4000})
	if err != nil {
		return err
	}
	for i := range 3 {
		id := fmt.Sprint(i)
		for _, e := range []audit.Entry{begin(id), end(id)} {
			seq, err := l.Append(context.Background(), e)
			if err != nil {
				return err
			}
			fmt.Println(seq)
		}
	}
	return l.Close()
}

// TestWalk kills the writer at every pass of every step. The next one opens the log, which
// verifies, and all that was told of is in it.
func TestWalk(t *testing.T) {
	run := func(dir, point string) (told []uint64, passed []string, err error) {
		log := filepath.Join(t.TempDir(), "log")
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), walkEnv+"="+dir, failpoint.PointVariable+"="+point, failpoint.LogVariable+"="+log)
		var out, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &stderr
		err = cmd.Run()
		for line := range strings.Lines(out.String()) {
			n, perr := strconv.ParseUint(strings.TrimSpace(line), 10, 64)
			if perr != nil {
				t.Fatal(perr)
			}
			told = append(told, n)
		}
		data, rerr := os.ReadFile(log)
		if rerr != nil || stderr.Len() > 0 {
			t.Fatalf("killed at %s: %v: %s", point, rerr, stderr.Bytes())
		}
		return told, strings.Fields(string(data)), err
	}
	_, passed, err := run(logDir(t), "")
	if err != nil || !slices.Contains(passed, "audit.rotated") || !slices.Contains(passed, "audit.key.erasing") {
		t.Fatalf("%v, points %q", err, passed)
	}
	count := map[string]int{}
	for _, name := range passed {
		count[name]++
		point := fmt.Sprintf("%s:%d", name, count[name])
		dir := logDir(t)
		told, _, err := run(dir, point)
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() >= 0 {
			t.Errorf("%s: %v", point, err)
		}
		for range 2 { // what is left is taken up once, and is clean from then on
			l, err := audit.Open(dir, audit.Options{})
			if err != nil {
				t.Fatalf("killed at %s: %v", point, err)
			}
			appendAll(t, l, begin("next"), end("next"))
			closeLog(t, l)
		}
		clean(t, dir, audit.VerifyOptions{Key: firstKey(t, dir)})
		var got []uint64
		_, err = audit.Read(os.DirFS(dir), audit.Filter{}, func(e *audit.Entry) error {
			if e.ID != "" && e.ID != "next" {
				got = append(got, e.Seq)
			}
			return nil
		})
		for _, seq := range told {
			if err != nil || !slices.Contains(got, seq) {
				t.Errorf("killed at %s: entry %d is not among %v, %v", point, seq, got, err)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".new-*")); len(left) > 0 {
			t.Errorf("killed at %s: left: %q", point, left)
		}
	}
	t.Logf("killed at %d points", len(passed))
}
