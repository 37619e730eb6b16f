package cast_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/record/cast"
	"dlx/shell"
)

func castDir(t *testing.T) string { return filepath.Join(t.TempDir(), "recordings") }

func create(t *testing.T, dir string, o cast.Options) *cast.Recording {
	t.Helper()
	r, err := cast.Create(dir, "s1", o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func finish(t *testing.T, r *cast.Recording) cast.Result {
	t.Helper()
	res, err := r.Close()
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func read(t *testing.T, dir string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "s1.cast"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// events are a recording's, without their times.
func events(t *testing.T, data []byte) (list []string) {
	t.Helper()
	r, err := cast.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(e.Code)+" "+e.Data)
	}
}

// TestFormat checks a recording against the documentation of asciicast v2, with no code of the
// package's.
func TestFormat(t *testing.T) {
	dir := castDir(t)
	r := create(t, dir, cast.Options{Width: 100, Height: 30, Title: "debug web \u009b", Term: "xterm-256color", Input: true})
	sizes := make(chan shell.WindowSize, 1)
	sizes <- shell.WindowSize{Rows: 40, Cols: 132}
	_, s := r.Wrap(t.Context(), shell.Streams{Stdin: strings.NewReader("ls\n"), Stdout: io.Discard, Stderr: io.Discard, Resize: sizes})
	fmt.Fprint(s.Stdout, "\x1b[1mhello\x1b[m\r\n\u202e\xff")
	fmt.Fprint(s.Stderr, "oops\n")
	if _, err := io.ReadAll(s.Stdin); err != nil {
		t.Error(err)
	}
	if got := <-s.Resize; got != (shell.WindowSize{Rows: 40, Cols: 132}) {
		t.Errorf("size %v", got)
	}
	if err := r.Marker("here"); err != nil {
		t.Error(err)
	}
	res := finish(t, r)
	data := read(t, dir)
	sum := sha256.Sum256(data)
	if res.SHA256 != hex.EncodeToString(sum[:]) || res.Bytes != int64(len(data)) || res.Name != "s1.cast" || res.Cut {
		t.Errorf("result %+v of %d bytes", res, len(data))
	}
	if bytes.ContainsAny(data, "\x1b\u009b\u202e") || !bytes.HasSuffix(data, []byte("\n")) {
		t.Errorf("the file itself is not safe to look at: %q", data)
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Scan()
	var head struct {
		Version, Width, Height int
		Timestamp              int64
		Title                  string
		Env                    map[string]string
	}
	d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
	d.DisallowUnknownFields()
	if err := d.Decode(&head); err != nil || head.Version != 2 || head.Width != 100 || head.Height != 30 || head.Env["TERM"] != "xterm-256color" ||
		time.Since(time.Unix(head.Timestamp, 0)).Abs() > time.Minute || head.Title != "debug web \u009b" {
		t.Errorf("header %s: %+v, %v", lines.Bytes(), head, err)
	}
	last, got := 0.0, []string{}
	for lines.Scan() {
		var e []any
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || len(e) != 3 {
			t.Fatalf("event %s: %v", lines.Bytes(), err)
		}
		at, ok := e[0].(float64)
		code, ok2 := e[1].(string)
		text, ok3 := e[2].(string)
		if !ok || !ok2 || !ok3 || at < last || len(code) != 1 || code == "r" && !regexp.MustCompile(`^\d+x\d+$`).MatchString(text) {
			t.Errorf("event %s", lines.Bytes())
		}
		last = at
		got = append(got, code+" "+text)
	}
	slices.Sort(got)
	want := []string{"i ls\n", "m here", "o \x1b[1mhello\x1b[m\r\n\u202e\ufffd", "o oops\n", "r 132x40"}
	if !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	asciinema(t, filepath.Join(dir, "s1.cast"))
}

// asciinema has asciinema's own player print the recording, where it is installed.
func asciinema(t *testing.T, file string) {
	t.Helper()
	program, err := exec.LookPath("asciinema")
	if err != nil {
		return
	}
	cmd := exec.Command(program, "play", file)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "LC_ALL=C.UTF-8")
	term := testutil.StartTerminal(t, cmd)
	term.Expect("(?s)hello.*oops", time.Minute)
	if code := term.Wait(time.Minute); code != 0 {
		t.Errorf("asciinema play: status %d: %q", code, term.Output())
	}
}

// TestCharacters: characters that are cut anywhere come out whole, whatever is not one as U+FFFD.
func TestCharacters(t *testing.T) {
	const text = "aé€😀\xff\xe2\x82b\xf0\x9f"
	want := string([]rune(text))
	for size := 1; size <= len(text); size++ {
		dir := castDir(t)
		r := create(t, dir, cast.Options{})
		_, s := r.Wrap(t.Context(), shell.Streams{Stdout: io.Discard})
		for part := range slices.Chunk([]byte(text), size) {
			if _, err := s.Stdout.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		finish(t, r)
		got := ""
		for _, e := range events(t, read(t, dir)) {
			got += strings.TrimPrefix(e, "o ")
		}
		if got != want {
			t.Errorf("in parts of %d: %q, want %q", size, got, want)
		}
	}
}

// shown is a session's user, who is shown nothing that is not in the file yet.
type shown struct {
	t    *testing.T
	file string
	got  strings.Builder
}

func (s *shown) Write(p []byte) (int, error) {
	data, err := os.ReadFile(s.file)
	if err != nil || !bytes.Contains(data, p) {
		s.t.Errorf("%q is shown and not recorded, %v", p, err)
	}
	return s.got.Write(p)
}

// TestLimit: nothing goes on without a record, unless that is asked for.
func TestLimit(t *testing.T) {
	const limit = 4000
	for _, goOn := range []bool{false, true} {
		dir := castDir(t)
		r := create(t, dir, cast.Options{MaxBytes: limit, GoOn: goOn})
		user := &shown{t: t, file: filepath.Join(dir, "s1.cast")}
		if goOn {
			user.file = "/dev/null"
		}
		var to io.Writer = user
		if goOn {
			to = &user.got
		}
		ctx, s := r.Wrap(t.Context(), shell.Streams{Stdout: to})
		var err error
		n := 0
		for ; n < 100 && err == nil; n++ {
			_, err = fmt.Fprintf(s.Stdout, "line %d %s", n, strings.Repeat("x", 80))
		}
		res, cerr := r.Close()
		list := events(t, read(t, dir))
		if got := list[len(list)-1]; got != "m the recording ends here: its limit is 4000 bytes" || res.Bytes > limit || res.Cut != goOn {
			t.Errorf("go on %v: ends with %q, %+v", goOn, got, res)
		}
		if goOn {
			if err != nil || cerr != nil || ctx.Err() != nil {
				t.Errorf("going on: %v, %v, %v", err, cerr, ctx.Err())
			}
			continue
		}
		if !errors.Is(err, cast.ErrLimit) || !errors.Is(err, fault.NoRecord) || !errors.Is(cerr, cast.ErrLimit) || !errors.Is(context.Cause(ctx), cast.ErrLimit) {
			t.Errorf("at the limit: %v, %v, %v", err, cerr, context.Cause(ctx))
		}
		if shown := strings.Count(user.got.String(), "line"); shown != len(list)-1 || shown != n-1 {
			t.Errorf("%d lines shown, %d recorded, %d tried", shown, len(list)-1, n)
		}
	}
}

// TestLarge: an event larger than one line is several.
func TestLarge(t *testing.T) {
	dir := castDir(t)
	r := create(t, dir, cast.Options{})
	_, s := r.Wrap(t.Context(), shell.Streams{Stdout: io.Discard})
	text := strings.Repeat("x€", 1<<18)
	if _, err := io.WriteString(s.Stdout, text); err != nil {
		t.Fatal(err)
	}
	finish(t, r)
	got := ""
	for _, e := range events(t, read(t, dir)) {
		if len(e) > 40<<10 {
			t.Errorf("an event of %d bytes", len(e))
		}
		got += strings.TrimPrefix(e, "o ")
	}
	if got != text {
		t.Errorf("%d bytes of %d", len(got), len(text))
	}
}

// TestDiskFull ends the session, with what was shown in the file.
func TestDiskFull(t *testing.T) {
	disk := testutil.SmallDisk(t, "256k")
	dir := filepath.Join(disk, "recordings")
	r := create(t, dir, cast.Options{})
	ctx, s := r.Wrap(t.Context(), shell.Streams{Stdout: &shown{t: t, file: filepath.Join(dir, "s1.cast")}})
	var err error
	for n := 0; n < 1000 && err == nil; n++ {
		_, err = fmt.Fprintf(s.Stdout, "line %d %s", n, strings.Repeat("x", 1000))
	}
	if !errors.Is(err, syscall.ENOSPC) || !errors.Is(context.Cause(ctx), syscall.ENOSPC) || !errors.Is(err, fault.NoRecord) {
		t.Errorf("%v, %v", err, context.Cause(ctx))
	}
	if _, err := cast.Create(dir, "s2", cast.Options{}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("another one: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*s2*")); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*s2*")); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
	if _, err := r.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("close: %v", err)
	}
}

// TestTouched: a file that was removed or written to by others is no recording.
func TestTouched(t *testing.T) {
	for name, attack := range map[string]func(string) error{
		"removed": os.Remove,
		"cut":     func(f string) error { return os.Truncate(f, 10) },
		"longer": func(f string) error {
			h, err := os.OpenFile(f, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			_, err = h.WriteString("x")
			return errors.Join(err, h.Close())
		},
	} {
		dir := castDir(t)
		r := create(t, dir, cast.Options{})
		if err := attack(filepath.Join(dir, "s1.cast")); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Close(); !errors.Is(err, cast.ErrTouched) {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := castDir(t)
	r := create(t, dir, cast.Options{})
	finish(t, r)
	for id, want := range map[string]error{"s1": os.ErrExist, "../x": cast.ErrName, "": cast.ErrName, ".x": cast.ErrName, "a/b": cast.ErrName} {
		if _, err := cast.Create(dir, id, cast.Options{}); !errors.Is(err, want) || !errors.Is(err, fault.NoRecord) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// TestSweep removes what is too old, and the oldest of what is too much, and never what is written.
func TestSweep(t *testing.T) {
	dir := castDir(t)
	now := time.Now()
	write := func(id string, age time.Duration) *cast.Recording {
		r, err := cast.Create(dir, id, cast.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Marker(strings.Repeat("x", 900)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, id+".cast"), now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
		return r
	}
	active := write("active", 100*time.Hour)
	for i := range 5 {
		r := write(fmt.Sprint("s", i), time.Duration(10*i)*time.Hour)
		finish(t, r)
	}
	left := filepath.Join(dir, ".new-x.cast")
	if err := errors.Join(os.Symlink("/etc/passwd", filepath.Join(dir, "link.cast")), os.WriteFile(filepath.Join(dir, "other"), nil, 0o600),
		os.WriteFile(left, nil, 0o600), os.WriteFile(left+"2", nil, 0o600), os.Chtimes(left, now.Add(-2*time.Hour), now.Add(-2*time.Hour))); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) != 1 {
			t.Errorf("left: %q, %v", left, err)
		}
	}()
	sweep := func(k cast.Keep) string {
		removed, err := cast.Sweep(dir, k, now)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, r := range removed {
			ids = append(ids, r.ID)
		}
		return strings.Join(ids, " ")
	}
	if got := sweep(cast.Keep{}); got != "" {
		t.Errorf("without a limit: %q", got)
	}
	if got := sweep(cast.Keep{MaxAge: 35 * time.Hour}); got != "s4" {
		t.Errorf("by age: %q", got)
	}
	if got := sweep(cast.Keep{MaxBytes: 3500}); got != "s3 s2" {
		t.Errorf("by size: %q", got)
	}
	if got := sweep(cast.Keep{MaxAge: time.Nanosecond, MaxBytes: 1}); got != "s1 s0" {
		t.Errorf("all: %q", got)
	}
	list, err := cast.List(dir)
	if err != nil || len(list) != 1 || list[0].ID != "active" || !list[0].Active {
		t.Errorf("left: %+v, %v", list, err)
	}
	if res := finish(t, active); res.Bytes == 0 {
		t.Error("the active one is empty")
	}
	if got := sweep(cast.Keep{MaxAge: time.Hour}); got != "active" {
		t.Errorf("once it is complete: %q", got)
	}
}

const victimEnv = "DLX_TEST_CAST_VICTIM"

// victim records until it is killed, and shows what it has recorded.
func victim(dir string) {
	r, err := cast.Create(dir, "s1", cast.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, s := r.Wrap(context.Background(), shell.Streams{Stdout: os.Stdout})
	for i := 0; ; i++ {
		if _, err := fmt.Fprintf(s.Stdout, "%d\n", i); err != nil {
			os.Exit(1)
		}
	}
}

// TestKilled: all that was shown is in the file, which can be played and swept.
func TestKilled(t *testing.T) {
	for i := range 10 {
		dir := castDir(t)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), victimEnv+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		in, last := bufio.NewScanner(out), ""
		for n := 0; in.Scan(); n++ {
			if last = in.Text(); n == 10+100*i {
				_ = cmd.Process.Kill()
			}
		}
		_ = cmd.Wait() // was killed
		var text strings.Builder
		err = cast.Play(t.Context(), &text, bytes.NewReader(read(t, dir)), cast.PlayOptions{Plain: true})
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(text.String(), "\n"+last+"\n") {
			t.Errorf("killed after %s: %v, ends with %q", last, err, text.String()[max(0, text.Len()-20):])
		}
		if removed, err := cast.Sweep(dir, cast.Keep{MaxBytes: 1}, time.Now()); err != nil || len(removed) != 1 {
			t.Errorf("sweep: %v, %v", removed, err)
		}
	}
}
