package cli_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dlx/internal/testutil"
	"dlx/record/audit"
	"dlx/record/cast"
	"dlx/shell"
)

// recorded is a state directory with a log, which is closed, and a recording of op1.
func recorded(t *testing.T) (state string) {
	t.Helper()
	state = t.TempDir()
	t.Setenv("DLX_STATE_DIR", state)
	l, err := audit.Open(filepath.Join(state, "audit"), audit.Options{Program: "test"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := cast.Create(filepath.Join(state, "recordings"), "op1", cast.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, s := r.Wrap(t.Context(), shell.Streams{Stdout: io.Discard})
	if _, err := io.WriteString(s.Stdout, "root@web:/# id\r\n\x1b]0;title\x07\x1b[32muid=0\x1b[m\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := r.Close()
	if err != nil {
		t.Fatal(err)
	}
	exit, one, at := 3, 1, time.Now()
	for _, e := range []audit.Entry{
		{
			Kind: audit.KindBegin, ID: "op1", Verb: "debug", Who: &audit.Who{User: "alice", How: "peercred"},
			Target: &audit.Target{Runtime: "docker", Name: "web\x1b[2J", ID: "4f1d"}, Session: &audit.Session{Command: []string{"id", "\x1b]0;x\x07"}},
		},
		{Kind: audit.KindBegin, ID: "op2", Verb: "capture", Who: &audit.Who{User: "bob"}, Target: &audit.Target{Runtime: "docker", Name: "db"}},
		{Kind: audit.KindRan, ID: "op1", Ran: &audit.Ran{
			Programs: []audit.Program{
				{N: 1, Time: at, Path: "/bin/id", Args: []string{"id"}, Status: &audit.Status{End: at, Exit: new(int)}},
				{N: 2, Time: at, Path: "/opt/run", Interpreter: "/bin/sh", File: "busybox", Args: []string{"/opt/run", "-x", "", "a'b"}},
				{N: 3, Time: at, Path: "/proc/self/fd/3", File: "memfd:\x1b[mx", Args: []string{"x"}, ArgsBytes: 99999},
			},
			Ended: []audit.Ended{
				{N: 2, Status: audit.Status{End: at.Add(20 * time.Millisecond), Exit: &one}}, {N: 3, Status: audit.Status{End: at.Add(time.Second), Signal: 9}},
			},
		}},
		{Kind: audit.KindEnd, ID: "op1", Ran: &audit.Ran{Started: 4, Lost: 1, Changes: &audit.Changes{
			List: []audit.Change{{Path: "/etc/\x1b[1mpasswd", Kind: "removed", Time: at}}, More: 1,
		}}, Outcome: &audit.Outcome{Exit: &exit}, Recording: &audit.Recording{Name: res.Name, Digest: "sha256:" + res.SHA256}},
		{Kind: audit.KindRefused, Verb: "debug", Who: &audit.Who{User: "bob"}, Decision: &audit.Decision{Why: "not on call"}},
	} {
		if _, err := l.Append(context.Background(), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return state
}

// collect runs dlx, whose output holds nothing that could steer a terminal.
func collect(t *testing.T, code int, args ...string) testutil.Result {
	t.Helper()
	res := testutil.Collect(t, dlx(t, args...))
	if res.Code != code || strings.ContainsAny(res.Stdout+res.Stderr, "\x1b\x07\r") {
		t.Errorf("dlx %q: %+v, want status %d", args, res, code)
	}
	return res
}

func TestAudit(t *testing.T) {
	state := recorded(t)
	key := filepath.Join(t.TempDir(), "web.pub")
	if err := os.WriteFile(key, []byte(collect(t, 0, "audit", "key").Stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	res := collect(t, 0, "audit", "verify", "--key", key)
	if !strings.Contains(res.Stdout, "entries:  1 to 11 in 1 file, ") || !strings.Contains(res.Stdout, "trust by: the key that was given, from entry 1 on\n") {
		t.Errorf("verify: %s", res.Stdout)
	}
	res = collect(t, 0, "audit", "show")
	for _, want := range []string{`op1 +alice +debug +docker://web\\x1b\[2J +id \\x1b\]0;x\\a\n`, `op1 +- +- +- +exit 3, 2 files have changed, 4 programs, 1 not recorded\n`, `ran +op1 +- +- +- +3 programs: id, 2 ended\n`, `refused +- +bob +debug +- +not on call\n`} {
		if !regexp.MustCompile(want).MatchString(res.Stdout) {
			t.Errorf("show has no %s: %s", want, res.Stdout)
		}
	}
	res = collect(t, 0, "audit", "show", "op1")
	for _, want := range []string{
		"who:        alice, known by peercred\n", `target:     docker://web\\x1b\[2J, ID 4f1d`, `command:    id '\\x1b\]0;x\\a'`, "programs:   4\n", "PROGRAM\n", "  id\n",
		`exit 1 after 20ms +/opt/run -x '' 'a'\\''b'  \[/opt/run by /bin/sh which is busybox\]`, `signal 9 after 1s .*memfd:\\x1b\[mx`, "x… \\(99999 bytes of arguments\\)",
		"and 1 more of which the kernel could not tell", "2 have changed", `removed +- +0 +- +/etc/\\x1b\[1mpasswd`, "and 1 more for which the record had no room",
		"outcome:    exit 3, 0 bytes\n", "recording:  op1.cast, .*dlx play op1",
	} {
		if !regexp.MustCompile(want).MatchString(res.Stdout) {
			t.Errorf("the story has no %s: %s", want, res.Stdout)
		}
	}
	if again := collect(t, 0, "audit", "show", filepath.Join(state, "audit"), "op1"); again.Stdout != res.Stdout {
		t.Errorf("in a directory: %s", again.Stdout)
	}
	if res := collect(t, 1, "audit", "show", "op"); !strings.Contains(res.Stderr, "several operations begin with op: op1, op2") {
		t.Errorf("%+v", res)
	}
	if res := collect(t, 0, "audit", "show", "op2"); !strings.Contains(res.Stdout, "its end is not recorded") || strings.Contains(res.Stdout, "programs") {
		t.Errorf("show op2: %s", res.Stdout)
	}
	collect(t, 1, "audit", "show", "op3")
	if res := collect(t, 0, "audit", "show", "-o", "json", "op1"); strings.Count(res.Stdout, `"kind":`) != 4 { // three entries and a change
		t.Errorf("show op1 as JSON: %s", res.Stdout)
	}
	for _, flags := range [][]string{{"--user", "bob", "--since", "1h"}, {"--user", "bob", "--until", "2099-01-01"}} {
		res := collect(t, 0, append([]string{"audit", "show", "-o", "json", filepath.Join(state, "audit")}, flags...)...)
		var list []audit.Entry
		if err := json.Unmarshal([]byte(res.Stdout), &list); err != nil || len(list) != 2 || list[0].ID != "op2" {
			t.Errorf("%q: %s, %v", flags, res.Stdout, err)
		}
	}
	if res := collect(t, 0, "audit", "show", "-o", "json", "--verb", "none"); res.Stdout != "[]\n" {
		t.Errorf("nothing: %q", res.Stdout)
	}
	collect(t, 2, "audit", "show", "--since", "yesterday")
	collect(t, 2, "audit", "show", "-o", "yaml")

	file := filepath.Join(state, "audit", "audit-00000000000000000001.jsonl")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), "alice", "mario", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	res = collect(t, 1, "audit", "verify")
	if !strings.HasPrefix(res.Stdout, "audit-00000000000000000001.jsonl:4: entry 4: edited: ") || !strings.Contains(res.Stderr, "not as it was written: 1 finding\nhint: ") {
		t.Errorf("edited: %+v", res)
	}
	res = collect(t, 1, "audit", "verify", "-o", "json")
	var r audit.Report
	if err := json.Unmarshal([]byte(res.Stdout), &r); err != nil || len(r.Findings) != 1 {
		t.Errorf("edited, as JSON: %s, %v", res.Stdout, err)
	}
}

func TestPlay(t *testing.T) {
	state := recorded(t)
	if res := collect(t, 0, "play", "--plain", "op1"); res.Stdout != "root@web:/# id\nuid=0\n" {
		t.Errorf("plain: %q", res.Stdout)
	}
	if res := collect(t, 0, "play", "--plain", "--search", "uid", filepath.Join(state, "recordings", "op1.cast")); !strings.HasSuffix(res.Stdout, "  uid=0\n") {
		t.Errorf("search: %q", res.Stdout)
	}
	res := testutil.Collect(t, dlx(t, "play", "--speed", "100", "op1"))
	if res.Code != 0 || res.Stdout != "root@web:/# id\r\n\x1b[32muid=0\x1b[m\r\n\x1b[m" {
		t.Errorf("play: %+v", res)
	}
	collect(t, 1, "play", "op9")
	collect(t, 1, "play", "--search", "nothing", "op1")
	collect(t, 2, "play", "--speed", "-1", "op1")
}
