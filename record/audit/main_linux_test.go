package audit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"dlx/internal/testutil"
	"dlx/record/audit"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimEnv); dir != "" {
		if err := victim(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(testutil.Main(m))
}

// logDir is where a test has its log.
func logDir(t testing.TB) string { return filepath.Join(t.TempDir(), "audit") }

func open(t testing.TB, dir string, o audit.Options) *audit.Log {
	t.Helper()
	l, err := audit.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func closeLog(t testing.TB, l *audit.Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func begin(id string) audit.Entry {
	uid := uint32(1000)
	return audit.Entry{
		Kind: audit.KindBegin, ID: id, Verb: "debug", Reason: "INC-1",
		Who:      &audit.Who{User: "alice", UID: &uid, How: "peercred"},
		Decision: &audit.Decision{Allowed: true, Rule: "oncall", Policy: "sha256:00"},
		Target:   &audit.Target{Runtime: "docker", ID: "4f1d", Name: "web", PID: 4711, Namespaces: map[string]uint64{"net": 4026531840}},
		Session:  &audit.Session{Command: []string{"sh", "-c", "id"}},
	}
}

func end(id string) audit.Entry {
	exit := 0
	return audit.Entry{Kind: audit.KindEnd, ID: id, Outcome: &audit.Outcome{Exit: &exit, Bytes: 42}}
}

func appendAll(t testing.TB, l *audit.Log, list ...audit.Entry) (last uint64) {
	t.Helper()
	for _, e := range list {
		seq, err := l.Append(context.Background(), e)
		if err != nil {
			t.Fatalf("append %s %s: %v", e.Kind, e.ID, err)
		}
		last = seq
	}
	return last
}

func newID() string { return rand.Text()[:12] }

// files are a log's, as they are now; without its key, as where it was copied to.
func files(t testing.TB, dir string) fstest.MapFS {
	t.Helper()
	names, err := audit.Files(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	m := fstest.MapFS{}
	for _, n := range names {
		data, err := os.ReadFile(filepath.Join(dir, n))
		if err != nil {
			t.Fatal(err)
		}
		m[n] = &fstest.MapFile{Data: data, Mode: 0o600}
	}
	return m
}

func verify(t testing.TB, dir fstest.MapFS, o audit.VerifyOptions) *audit.Report {
	t.Helper()
	r, err := audit.Verify(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func firstKey(t testing.TB, dir string) *audit.PublicKey {
	t.Helper()
	k, err := audit.FirstKey(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// clean wants a log without findings.
func clean(t testing.TB, dir string, o audit.VerifyOptions) *audit.Report {
	t.Helper()
	r, err := audit.Verify(os.DirFS(dir), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		t.Errorf("found: %s", f)
	}
	return r
}

func linesOf(data []byte) [][]byte {
	list := bytes.SplitAfter(data, []byte("\n"))
	return list[:len(list)-1]
}
