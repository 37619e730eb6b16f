//go:build linux

package enginetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
)

// debug checks what a command gets and what is said of its end.
func (s *suite) debug(t *testing.T) {
	e := s.engine(t)
	c := s.pause(t, testutil.RunOptions{Env: []string{"COLOR=blue", "LD_PRELOAD=/evil.so", "BASH_ENV=/evil", "DB_PORT=5432", "HOME=/evil"}, WorkingDir: "/proc"})
	untouched(t, c)
	tests := []struct {
		name   string
		req    engine.DebugRequest
		script string
		want   result
	}{
		{"success", engine.DebugRequest{}, "exit 0", result{}},
		{"status", engine.DebugRequest{}, "exit 7", result{Code: 7}},
		{"highest status", engine.DebugRequest{}, "exit 255", result{Code: 255}},
		{"streams apart", engine.DebugRequest{}, "echo out; echo err >&2", result{Out: "out\n", ErrOut: "err\n"}},
		{"target's variables", engine.DebugRequest{}, "echo $DB_PORT$COLOR${LD_PRELOAD}${BASH_ENV}", result{Out: "5432\n"}},
		{"all of them", engine.DebugRequest{KeepEnv: true}, "echo $DB_PORT $COLOR $BASH_ENV", result{Out: "5432 blue /evil\n"}},
		{"home", engine.DebugRequest{}, "cd; pwd; ls -A; echo x >x && cat x", result{Out: "/dev/.home\nx\n"}},
		{"home of another user", engine.DebugRequest{User: "65532:7"}, "cd; pwd; ls -A; stat -c '%a %u %g' .; echo x >x && cat x", result{Out: "/dev/.home\n700 65532 7\nx\n"}},
		{"system(3)", engine.DebugRequest{}, "awk 'BEGIN { exit system(\"echo $0; readlink /proc/$$/exe\") }'", result{Out: "sh\n/dev/.dlx/bin/busybox\n"}},
		{"home as said", engine.DebugRequest{Env: []string{"HOME=/proc"}}, "echo $HOME", result{Out: "/proc\n"}},
		{"variables", engine.DebugRequest{Env: []string{"COLOR=red", "A=b=c"}}, "echo $COLOR $A", result{Out: "red b=c\n"}},
		{"without target's variables", engine.DebugRequest{ClearEnv: true}, "echo [$COLOR$DB_PORT]", result{Out: "[]\n"}},
		{"target's directory", engine.DebugRequest{}, "pwd", result{Out: "/proc\n"}},
		{"directory", engine.DebugRequest{Dir: "/sys"}, "pwd", result{Out: "/sys\n"}},
		{"toolbox first", engine.DebugRequest{}, "echo ${PATH%%:*}", result{Out: "/dev/.dlx/bin\n"}},
		{"root", engine.DebugRequest{}, "id -u; id -g", result{Out: "0\n0\n"}},
		{"user", engine.DebugRequest{User: "65532:7"}, "id -u; id -g", result{Out: "65532\n7\n"}},
		{"restricted", engine.DebugRequest{Profile: "restricted"}, "id -u", result{Out: "65534\n"}},
		{"no terminal", engine.DebugRequest{}, "test -t 0 || test -t 1 || echo none", result{Out: "none\n"}},
		{"name", engine.DebugRequest{}, "echo $DLX_TARGET", result{Out: c.Name + "\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.req.Target, tt.req.Command = c.ID, []string{"sh", "-c", tt.script}
			got, err := debug(t, e, tt.req, "")
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("error %v, result (-want +got):\n%s", err, diff)
			}
		})
	}
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGSEGV} {
		t.Run(fmt.Sprintf("signal %d", sig), func(t *testing.T) {
			req := engine.DebugRequest{Target: c.ID, Command: []string{"sh", "-c", fmt.Sprintf("kill -%d $$", sig)}}
			if res, err := debug(t, e, req, ""); err != nil || res.Code != 128+int(sig) {
				t.Errorf("exit status %d, error %v; want %d", res.Code, err, 128+int(sig))
			}
		})
	}
	t.Run("target's files only", func(t *testing.T) {
		res, err := debug(t, e, engine.DebugRequest{Target: c.ID, FS: engine.FSTarget, Command: []string{"sh"}}, "")
		if !errors.Is(err, fault.CommandNotHere) {
			t.Errorf("sh in a scratch container: status %d, error %v; want not found", res.Code, err)
		}
	})
}

// streams checks pipes: that bytes arrive whole and that the end of input does.
func (s *suite) streams(t *testing.T) {
	e := s.engine(t)
	c := s.pause(t, testutil.RunOptions{})
	untouched(t, c)
	t.Run("pipe through", func(t *testing.T) {
		in := strings.Repeat("0123456789abcde\n", 1<<16)
		res, err := debug(t, e, engine.DebugRequest{Target: c.ID, Command: []string{"cat"}}, in)
		if err != nil || res.Code != 0 || res.Out != in {
			t.Errorf("cat: error %v, status %d, %d of %d bytes", err, res.Code, len(res.Out), len(in))
		}
	})
	t.Run("no input", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		code, err := e.Debug(ctx, engine.DebugRequest{Target: c.ID, Command: []string{"cat"}}, engine.Streams{Stdout: io.Discard, Stderr: io.Discard})
		if err != nil || code != 0 {
			t.Errorf("cat: status %d, %v", code, err)
		}
	})
	t.Run("reader that goes away", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		r, w := io.Pipe()
		r.Close()
		code, err := e.Debug(ctx, engine.DebugRequest{Target: c.ID, Command: []string{"sh", "-c", "while echo y; do :; done"}},
			engine.Streams{Stdout: w, Stderr: io.Discard})
		if err != nil || code == 0 {
			t.Errorf("status %d, error %v; want it ended by SIGPIPE or a failed write", code, err)
		}
	})
	t.Run("output that can not be written", func(t *testing.T) {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer full.Close()
		for name, tt := range map[string]struct {
			req     engine.DebugRequest
			streams engine.Streams
		}{
			"output":   {engine.DebugRequest{}, engine.Streams{Stdout: full, Stderr: io.Discard}},
			"error":    {engine.DebugRequest{}, engine.Streams{Stdout: io.Discard, Stderr: full}},
			"terminal": {engine.DebugRequest{TTY: true}, engine.Streams{Stdin: strings.NewReader(""), Stdout: full}},
		} {
			tt.req.Target, tt.req.Command = c.ID, []string{"sh", "-c", "echo out; echo err >&2; sleep 0.1; echo out; echo err >&2"}
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			code, err := e.Debug(ctx, tt.req, tt.streams)
			cancel()
			if !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("%s: status %d, error %v; want ENOSPC", name, code, err)
			}
		}
	})
	t.Run("terminal", func(t *testing.T) {
		req := engine.DebugRequest{Target: c.ID, TTY: true, Term: "dumb", Command: []string{"sh", "-c", "test -t 0 && test -t 1 && test -t 2 && echo $TERM"}}
		res, err := debug(t, e, req, "")
		if err != nil || res.Code != 0 || !strings.Contains(res.Out, "dumb\r\n") {
			t.Errorf("result %+v, error %v", res, err)
		}
	})
	t.Run("background processes are ended", func(t *testing.T) {
		sh(t, e, engine.DebugRequest{Target: c.ID}, "sleep 1000 & sleep 1000 </dev/null >/dev/null 2>&1 & exit 0")
	})
}

// ends checks every way in which a session comes to its end but the command's own.
func (s *suite) ends(t *testing.T) {
	e := s.engine(t)
	c := s.pause(t, testutil.RunOptions{})
	untouched(t, c)
	waits := []string{"sh", "-c", "trap 'echo got; exit 42' USR1; echo ready; while :; do sleep 0.1; done"}
	t.Run("signal passed on", func(t *testing.T) {
		signals := make(chan syscall.Signal)
		out := newWatcher(t, "ready", func() { signals <- syscall.SIGUSR1 })
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		code, err := e.Debug(ctx, engine.DebugRequest{Target: c.ID, Command: waits}, engine.Streams{Stdout: out, Stderr: io.Discard, Signals: signals})
		if err != nil || code != 42 {
			t.Errorf("status %d, error %v; want 42", code, err)
		}
	})
	t.Run("canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		out := newWatcher(t, "ready", cancel)
		_, err := e.Debug(ctx, engine.DebugRequest{Target: c.ID, Command: waits}, engine.Streams{Stdout: out, Stderr: io.Discard})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
	})
	t.Run("time is up", func(t *testing.T) {
		ctx := context.Background()
		_, err := e.Debug(ctx, engine.DebugRequest{Target: c.ID, Timeout: 300 * time.Millisecond, Command: []string{"sleep", "1000"}},
			engine.Streams{Stdout: io.Discard, Stderr: io.Discard})
		if !errors.Is(err, fault.TimedOut) {
			t.Errorf("error %v, want fault.TimedOut", err)
		}
	})
	t.Run("the container dies", func(t *testing.T) {
		dying := s.pause(t, testutil.RunOptions{})
		out := newWatcher(t, "ready", func() { dying.Kill("SIGKILL") })
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		_, err := e.Debug(ctx, engine.DebugRequest{Target: dying.ID, Command: waits}, engine.Streams{Stdout: out, Stderr: io.Discard})
		out.wait()
		if !errors.Is(err, fault.TargetEnded) {
			t.Errorf("error %v, want fault.TargetEnded", err)
		}
	})
	t.Run("a container in the host's pid namespace dies", func(t *testing.T) {
		dying := s.pause(t, testutil.RunOptions{PidMode: "host"})
		out := newWatcher(t, "ready", func() { dying.Kill("SIGKILL") })
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		_, err := e.Debug(ctx, engine.DebugRequest{Target: dying.ID, Command: waits}, engine.Streams{Stdout: out, Stderr: io.Discard})
		out.wait()
		if !errors.Is(err, fault.TargetEnded) {
			t.Errorf("error %v, want fault.TargetEnded", err)
		}
	})
}

// limits checks a session that may have no more processes: it is told so, and it and its first
// process end as any other.
func (s *suite) limits(t *testing.T) {
	e := s.engine(t)
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "box", testutil.Prog(t, "pause"), testutil.Busybox(t))})
	untouched(t, c)
	refused := func(t *testing.T, said string) {
		t.Helper()
		if !strings.Contains(said, "can't fork") || strings.Contains(said, "goroutine") {
			t.Errorf("on standard error:\n%.2000s", said)
		}
		if left := c.Processes(); len(left) != 1 {
			t.Errorf("%d processes are left", len(left)-1)
		}
	}
	t.Run("few", func(t *testing.T) {
		const script = "for i in 1 2 3 4 5 6 7 8; do busybox sleep 1000 & done; wait"
		req := engine.DebugRequest{Target: c.ID, Pids: 5, Command: []string{"/bin/busybox", "sh", "-c", script}}
		res, err := debug(t, e, req, "")
		if err != nil {
			t.Errorf("status %d, error %v", res.Code, err)
		}
		refused(t, res.ErrOut)
	})
	t.Run("bomb", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		said := newWatcher(t, "can't fork", cancel) // then it has as many processes as it may have
		req := engine.DebugRequest{Target: c.ID, Command: []string{"/bin/busybox", "sh", "-c", "f() { f | f & f; }; f"}}
		_, err := e.Debug(ctx, req, engine.Streams{Stdout: io.Discard, Stderr: said})
		if ended := s.wired && err == nil; !ended && !errors.Is(err, context.Canceled) { // by itself, while that was on its way
			t.Errorf("error %v, want context.Canceled", err)
		}
		said.wait()
		refused(t, said.buf.String())
	})
	t.Run("as many as asked for", func(t *testing.T) {
		req := engine.DebugRequest{Target: c.ID, Pids: 4, Command: []string{"/bin/busybox", "sh", "-c", "for i in 1 2 3; do busybox sleep 1000 & done; echo all"}}
		if res, err := debug(t, e, req, ""); err != nil || res.Out != "all\n" || res.ErrOut != "" {
			t.Errorf("%+v, %v", res, err)
		}
	})
}
