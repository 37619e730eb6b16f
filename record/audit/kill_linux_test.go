package audit_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dlx/record/audit"
)

// victimEnv is the directory that a process of this test writes a log in until it is killed.
const victimEnv = "DLX_TEST_AUDIT_VICTIM"

// victim writes a log from several goroutines and prints each sequence once it is told of it.
func victim(dir string) error {
	l, err := audit.Open(dir, audit.Options{MaxBytes: 30_000, Interval: 3 * time.Millisecond})
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	errs := make(chan error, 3)
	for range 3 {
		wg.Go(func() {
			for {
				id := newID()
				for _, e := range []audit.Entry{begin(id), end(id)} {
					seq, err := l.Append(context.Background(), e)
					if err != nil {
						errs <- err
						return
					}
					mu.Lock()
					_, err = fmt.Printf("%d %s\n", seq, id)
					mu.Unlock()
					if err != nil {
						errs <- err
						return
					}
				}
			}
		})
	}
	wg.Wait()
	return <-errs
}

// TestKilled: kill -9 at any moment. The next writer takes the log, it verifies, and all that
// anybody was told of is in it.
func TestKilled(t *testing.T) {
	dir := logDir(t)
	told := map[uint64]string{}
	kills := 40
	if testing.Short() {
		kills = 10
	}
	torn := 0
	for i := range kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), victimEnv+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The moment is what is being varied.
		timer := time.AfterFunc(time.Duration(5+i*3)*time.Millisecond, func() { _ = cmd.Process.Kill() })
		in := bufio.NewScanner(out)
		for in.Scan() {
			seq, id, _ := strings.Cut(in.Text(), " ")
			if n, err := strconv.ParseUint(seq, 10, 64); err == nil && id != "" {
				told[n] = id
			}
		}
		_ = cmd.Wait() // was killed
		timer.Stop()
		if code := cmd.ProcessState.ExitCode(); code >= 0 {
			t.Fatalf("run %d has ended by itself with %d", i, code)
		}
	}
	closeLog(t, open(t, dir, audit.Options{}))
	r := clean(t, dir, audit.VerifyOptions{Key: firstKey(t, dir)})
	for _, n := range r.Notes {
		if strings.Contains(n.Text, "of a line that its writer was killed in") {
			torn++
		}
	}
	_, err := audit.Read(os.DirFS(dir), audit.Filter{}, func(e *audit.Entry) error {
		if id, ok := told[e.Seq]; ok && id != e.ID {
			return fmt.Errorf("entry %d is of %s, and %s was told so", e.Seq, e.ID, id)
		}
		delete(told, e.Seq)
		return nil
	})
	if err != nil || len(told) > 0 {
		t.Errorf("lost: %v, %v", told, err)
	}
	t.Logf("%d kills: %d entries in %d files, %d torn lines", kills, r.Entries, r.Files, torn)
}

// TestTorn: a line is cut within, as a disk without power leaves it. It stays where it is, and the
// next file tells of it.
func TestTorn(t *testing.T) {
	for name, tail := range map[string]func(line []byte) []byte{
		"part":   func(line []byte) []byte { return line[:len(line)/2] },
		"a byte": func(line []byte) []byte { return line[:1] },
		"no end": func(line []byte) []byte { return line[:len(line)-1] },
		"zeros":  func(line []byte) []byte { return append(make([]byte, 300), line...) },
	} {
		t.Run(name, func(t *testing.T) {
			const first = "audit-00000000000000000001.jsonl"
			from, dir := logDir(t), logDir(t)
			l := open(t, from, audit.Options{})
			appendAll(t, l, begin("a"))
			if err := errors.Join(os.CopyFS(dir, os.DirFS(from)), private(dir)); err != nil {
				t.Fatal(err)
			}
			data := files(t, from)[first].Data
			closeLog(t, l)
			lines := linesOf(files(t, from)[first].Data)
			file := filepath.Join(dir, first)
			torn := slices.Concat(data, tail(lines[len(lines)-1]))
			if err := os.WriteFile(file, torn, 0o600); err != nil {
				t.Fatal(err)
			}
			if r, err := audit.Verify(os.DirFS(dir), audit.VerifyOptions{}); err != nil || len(r.Findings) == 0 {
				t.Errorf("before it is opened: %+v, %v", r, err)
			}
			l = open(t, dir, audit.Options{})
			appendAll(t, l, begin("b"))
			closeLog(t, l)
			r := clean(t, dir, audit.VerifyOptions{})
			if r.Files != 2 || len(r.Notes) == 0 {
				t.Errorf("report %+v", r)
			}
			if got, err := os.ReadFile(file); err != nil || string(got) != string(torn) {
				t.Errorf("the file has changed: %v", err)
			}
			for i := len(data); i < len(torn); i++ { // no byte of it changes unseen
				m := files(t, dir)
				m[first].Data[i] ^= 1
				if verify(t, m, audit.VerifyOptions{}).OK() {
					t.Errorf("byte %d of the torn line was changed unseen", i-len(data))
				}
			}
		})
	}
}
