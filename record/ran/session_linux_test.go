package ran_test

import (
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
	"sync/atomic"
	"testing"
	"time"

	"dlx/internal/cgroup"
	"dlx/internal/pause"
	"dlx/internal/testutil"
	"dlx/record/audit"
	"dlx/record/ran"
)

// story is what a session's record says.
type story struct {
	mu   sync.Mutex
	list []audit.Program
	ends map[uint64]audit.Status
	left uint64
	errs []error
	sum  audit.Ran
	full bool // it takes nothing
}

var errFull = errors.New("full")

func (s *story) write(r audit.Ran) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full {
		return errFull
	}
	s.list = append(s.list, r.Programs...)
	s.left += r.LeftOut
	for _, p := range r.Programs {
		if p.Status != nil {
			s.ends[p.N] = *p.Status
		}
	}
	for _, e := range r.Ended {
		s.ends[e.N] = e.Status
	}
	return nil
}

func (s *story) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, err)
}

// named are the first arguments.
func (s *story) named() (list []string) {
	for _, p := range s.list {
		list = append(list, strings.Join(p.Args[:min(len(p.Args), 1)], ""))
	}
	return list
}

func open(t testing.TB) *ran.Watcher {
	t.Helper()
	testutil.RequireRoot(t)
	w, err := ran.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

var groups atomic.Int32

// session runs a command in a control group of its own, as a session does, and tells its story.
func session(t testing.TB, w *ran.Watcher, strict bool, act string, args ...string) *story {
	t.Helper()
	return sessionWith(t, w, strict, act, func(*ran.Session) {}, args...)
}

// sessionWith calls begun before the session's first program is started.
func sessionWith(t testing.TB, w *ran.Watcher, strict bool, act string, begun func(*ran.Session), args ...string) *story {
	t.Helper()
	return sessionTo(t, w, &story{ends: map[uint64]audit.Status{}}, strict, act, begun, args...)
}

// sessionTo tells the story to one that there is.
func sessionTo(t testing.TB, w *ran.Watcher, s *story, strict bool, act string, begun func(*ran.Session), args ...string) *story {
	t.Helper()
	name := fmt.Sprintf("%sran-%d-%d", cgroup.Prefix, os.Getpid(), groups.Add(1))
	devices, err := cgroup.DefaultDevices()
	if err != nil {
		t.Fatal(err)
	}
	group, err := cgroup.New(name, cgroup.Limits{Memory: 1 << 30, Pids: 1024}, devices)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := group.Clean(t.Context()); err != nil {
			t.Error(err)
		}
		_ = devices.Close()
	}()
	watched, err := w.Watch(name, ran.Options{Write: s.write, Fail: s.fail, Strict: strict})
	if err != nil {
		t.Fatal(err)
	}
	begun(watched)
	script := `for d in $1; do echo $$ >$d/cgroup.procs; done; shift; exec "$@"`
	var dirs []string
	for _, root := range cgroup.Roots() {
		if _, err := os.Stat(filepath.Join(root, name)); err == nil {
			dirs = append(dirs, filepath.Join(root, name))
		}
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", append([]string{"-c", script, "sh", strings.Join(dirs, " ")}, args...)...)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), actEnv+"="+act, "DLX_RAN_FILE="+file)
	res := testutil.Collect(t, cmd)
	if err := group.End(t.Context()); err != nil {
		t.Error(err)
	}
	s.sum = watched.End()
	_ = s.write(audit.Ran{Programs: s.sum.Programs, Ended: s.sum.Ended})
	if res.Code != 0 && res.Code != 128+9 || res.Stderr != "" {
		t.Errorf("%s: %+v", act, res)
	}
	return s
}

func exe(t testing.TB) string {
	t.Helper()
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// complete wants all of a story's programs, and nothing that was lost.
func (s *story) complete(t *testing.T) {
	t.Helper()
	if s.sum.Unknown != "" || s.sum.Lost > 0 || s.sum.LeftOut > 0 || s.sum.Started != uint64(len(s.list)) || len(s.errs) > 0 {
		t.Errorf("%+v of %d, %v", s.sum, len(s.list), s.errs)
	}
	for i, p := range s.list {
		if p.N != uint64(i+1) {
			t.Errorf("program %d is the %dth", p.N, i+1)
		}
	}
}

// TestWays: whatever way a program is started by, it is told of.
func TestWays(t *testing.T) {
	w := open(t)
	self := exe(t)
	for act, want := range map[string][]string{
		"nothing": {self},
		"daemon":  {self, "/proc/self/exe", "/proc/self/exe", "sh", "rm"},
		"memfd":   {self, "by-memfd"},
		"threads": {self, "by-thread"},
		"leave":   {self, "by-who-left", "/bin/true"},
	} {
		t.Run(act, func(t *testing.T) {
			s := session(t, w, true, act, self)
			s.complete(t)
			if got := s.named(); !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			if last := s.list[len(s.list)-1]; act == "memfd" && last.File != "memfd:nameless" {
				t.Errorf("%+v", last)
			}
		})
	}
}

// TestProgram: what is told of a program.
func TestProgram(t *testing.T) {
	w := open(t)
	name := script(t.TempDir())
	s := session(t, w, true, "", "/bin/sh", "-c", `"$0" a "" "b
c" || :; kill -9 $$ & wait; exec /bin/true`, name)
	if n := len(s.list); n != 2 {
		t.Fatalf("%d programs: %+v", n, s.list)
	}
	p := s.list[1]
	want := []string{"/bin/sh", "-e", name, "a", "", "b\nc"}
	if !slices.Equal(p.Args, want) || p.Path != name || p.Interpreter != "/bin/sh" || p.File != "dash" || p.Parent != s.list[0].PID || p.UID != 0 || p.EUID != nil {
		t.Errorf("%+v", p)
	}
	if end := s.ends[2]; end.Exit == nil || *end.Exit != 3 || end.End.Before(p.Time) || time.Since(p.Time) > time.Minute {
		t.Errorf("%+v", end)
	}
	if end := s.ends[1]; end.Signal != 9 {
		t.Errorf("%+v", end)
	}
}

// link is a script that runs itself in a process of its own, so often.
const link = `[ $0 = 0 ] || { sh -c "$1" $(($0 - 1)) "$1"; :; }`

// TestChain: 500 processes, each of which has the next one for a child.
func TestChain(t *testing.T) {
	s := session(t, open(t), true, "", "/bin/sh", "-c", link, "500", link)
	s.complete(t)
	if len(s.list) != 501 {
		t.Errorf("%d programs", len(s.list))
	}
}

// TestLarge: of 1 MiB of arguments there is the beginning, and how many there are.
func TestLarge(t *testing.T) {
	s := session(t, open(t), true, "large", exe(t))
	s.complete(t)
	p := s.list[1]
	if p.ArgsBytes < 1e6 || len(p.Args) != 2 || len(p.Args[1]) < 4000 || len(p.Args[1]) > 4096 {
		t.Errorf("%d bytes, %d arguments", p.ArgsBytes, len(p.Args))
	}
}

// TestFlood: of more programs than the record has room for, it has as many as it has room for, and
// says how many there were. Another session's are all there.
func TestFlood(t *testing.T) {
	w := open(t)
	const programs = 3000
	done := make(chan *story)
	go func() { done <- session(t, w, false, "flood", exe(t), strconv.Itoa(programs)) }()
	calm := session(t, w, true, "", "/bin/sh", "-c", link, "50", link)
	calm.complete(t)
	s := <-done
	sum := s.sum
	if sum.Started != programs+1 || sum.LeftOut == 0 || sum.LeftOut != s.left || uint64(len(s.list))+sum.LeftOut+sum.Lost != sum.Started || len(s.list) < 1000 {
		t.Errorf("%+v, %d are told of, %d left out", sum, len(s.list), s.left)
	}
	strict := session(t, w, true, "flood", exe(t), strconv.Itoa(programs))
	if len(strict.errs) != 1 || !errors.Is(strict.errs[0], ran.ErrLeftOut) && !errors.Is(strict.errs[0], ran.ErrLost) {
		t.Errorf("%v", strict.errs)
	}
}

// stalled runs a session whose events keep the watcher from all others until release is called.
func stalled(t *testing.T, w *ran.Watcher, act string, args ...string) (s *ran.Session, release func(), end <-chan *story) {
	t.Helper()
	type begun struct {
		s       *ran.Session
		release func()
	}
	began, ended := make(chan begun, 1), make(chan *story, 1)
	go func() {
		ended <- sessionWith(t, w, false, act, func(s *ran.Session) { began <- begun{s, ran.Stall(s)} }, args...)
	}()
	b := <-began
	return b.s, b.release, ended
}

// until waits for a condition, or for a while.
func until(limit time.Duration, cond func() bool) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for !cond() && pause.For(ctx, time.Millisecond) == nil {
	}
}

// TestLost: a session whose programs are more than is read of them loses some, and counts them.
// Another one loses none.
func TestLost(t *testing.T) {
	w := open(t)
	const programs = 1700 // more than the ring has room for
	s, release, end := stalled(t, w, "flood", exe(t), strconv.Itoa(programs))
	until(time.Minute, func() bool { return ran.Started(s) == programs+1 })
	calm := sessionWith(t, w, true, "", func(calm *ran.Session) {
		go func() {
			until(time.Second, func() bool { return ran.Started(calm) == 11 })
			release()
		}()
	}, "/bin/sh", "-c", link, "10", link)
	calm.complete(t)
	got := <-end
	if sum := got.sum; sum.Lost == 0 || uint64(len(got.list))+sum.Lost+sum.LeftOut != sum.Started || sum.Started != programs+1 || sum.Unknown != "" {
		t.Errorf("%+v, %d are told of", sum, len(got.list))
	}
}

// TestDrain: a session's end waits until all has been read that the kernel has told of it.
func TestDrain(t *testing.T) {
	w := open(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, release, end := stalled(t, w, "", "/bin/sh", "-c", "while [ -e $0 ]; do sleep 0.01; done", file)
	until(time.Minute, func() bool { return ran.Started(s) > 0 })
	go func() {
		until(time.Second, func() bool { return ran.Waiting(w) })
		release()
	}()
	session(t, w, true, "", "/bin/sh", "-c", link, "10", link).complete(t)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	<-end
}

// TestNoWrite: a session whose programs can not be recorded is told so once, and they count as left
// out.
func TestNoWrite(t *testing.T) {
	full := &story{full: true}
	s := sessionTo(t, open(t), full, false, "", func(*ran.Session) {}, "/bin/sh", "-c", "i=0; while [ $i -lt 200 ]; do /bin/true $i; i=$((i + 1)); done")
	if s.sum.Started != 201 || s.sum.LeftOut != 201 || len(s.errs) != 1 || !errors.Is(s.errs[0], errFull) {
		t.Errorf("%+v, %v", s.sum, s.errs)
	}
}

// TestClosed: a session that needs its programs told of is told when nobody tells any more, and
// says that it does not know them.
func TestClosed(t *testing.T) {
	testutil.RequireRoot(t)
	w, err := ran.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := sessionWith(t, w, true, "", func(*ran.Session) {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}, "/bin/sh", "-c", ":")
	if len(s.errs) != 1 || s.sum.Unknown == "" {
		t.Errorf("%v, %+v", s.errs, s.sum)
	}
}

// TestMany: no more sessions than there is room for, and none that can not be known.
func TestMany(t *testing.T) {
	w := open(t)
	if _, err := w.Watch("", ran.Options{}); !errors.Is(err, ran.ErrNoGroup) {
		t.Errorf("%v", err)
	}
	if _, err := w.Watch("no-such-group", ran.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	ran.Fill(w)
	name := fmt.Sprintf("%sran-%d-%d", cgroup.Prefix, os.Getpid(), groups.Add(1))
	devices, err := cgroup.DefaultDevices()
	if err != nil {
		t.Fatal(err)
	}
	defer devices.Close()
	group, err := cgroup.New(name, cgroup.Limits{Memory: 1 << 30, Pids: 10}, devices)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Watch(name, ran.Options{}); !errors.Is(err, ran.ErrTooMany) {
		t.Errorf("%v", err)
	}
	if err := group.Clean(t.Context()); err != nil {
		t.Error(err)
	}
}
