package attack_test

import (
	"bytes"
	"context"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dlx/internal/testutil"
)

// proxy stands between dlx and the runtime, and after so many bytes of answers hangs or hangs up.
type proxy struct {
	held  []byte // an answer with these bytes is held back until hold returns
	hold  func()
	mu    sync.Mutex
	left  int // bytes
	hang  bool
	cut   bool // it has come so far
	group sync.WaitGroup
}

func newProxy(t *testing.T, left int, hang bool) (p *proxy, host string) {
	t.Helper()
	p = &proxy{left: left, hang: hang}
	host, end := p.listen(t)
	t.Cleanup(end)
	return p, host
}

// proxy holds answers back that have the bytes of held. Its owner ends it.
func (a *attack) proxy(held []byte, hold func()) (host string, end func()) {
	a.Helper()
	return (&proxy{left: math.MaxInt, held: held, hold: hold}).listen(a.T)
}

func (p *proxy) listen(t *testing.T) (host string, end func()) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p.group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.group.Go(func() { p.serve(ctx, conn) })
		}
	})
	return "unix://" + name, func() {
		cancel()
		_ = l.Close()
		p.group.Wait()
	}
}

func (p *proxy) serve(ctx context.Context, conn net.Conn) {
	docker, err := net.Dial("unix", "/var/run/docker.sock")
	if err != nil {
		_ = conn.Close()
		return
	}
	stop := context.AfterFunc(ctx, func() { _, _ = conn.Close(), docker.Close() })
	defer stop()
	defer docker.Close()
	defer conn.Close()
	go func() {
		_, _ = io.Copy(docker, conn)
		_ = docker.Close()
	}()
	buf := make([]byte, 512)
	if p.held != nil {
		buf = make([]byte, 64<<10) // an answer as a whole
	}
	for {
		n, err := docker.Read(buf)
		if err != nil {
			return
		}
		n, hang := p.take(n)
		if p.held != nil && bytes.Contains(buf[:n], p.held) {
			p.hold()
		}
		if _, err := conn.Write(buf[:n]); err != nil {
			return
		}
		if n < len(buf) && p.isCut() {
			if hang {
				<-ctx.Done()
			}
			return
		}
	}
}

// take says how many of n bytes may pass.
func (p *proxy) take(n int) (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n >= p.left {
		n, p.cut = p.left, true
	}
	p.left -= n
	return n, p.hang
}

func (p *proxy) isCut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut
}

// TestRuntime: the runtime hangs up, or answers no more, at any byte of its answers while something
// is put into a container. dlx ends, by itself or when asked to, and what it has done can be taken
// back.
func TestRuntime(t *testing.T) {
	t.Parallel()
	for _, hang := range []bool{false, true} {
		name := map[bool]string{false: "hangs up", true: "answers no more"}[hang]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if os.Getenv("DOCKER_HOST") != "" {
				testutil.SkipOrFail(t, "needs Docker at its usual socket")
			}
			a := start(t, "the runtime "+name+" in the midst of its answers", "inject, eject, debug, capture, ps")
			box := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause"))})
			a.begin()
			step, wait := 2503, 300*time.Millisecond
			if long {
				step, wait = 101, time.Second
			}
			for at, through := 1, false; !through && !t.Failed(); at += step {
				through = true
				for _, args := range [][]string{{"inject", box.ID}, {"eject", box.ID}, {"debug", box.ID, "--", "true"}, {"ps"}} {
					if !long && args[0] != "inject" && at/step%3 != 0 {
						continue
					}
					a.tries++
					p, host := newProxy(t, at, hang)
					a.sessions++
					r, asked := a.interrupt(wait, []string{"DOCKER_HOST=" + host}, args...)
					if p.isCut() {
						through = false
					} else if !asked && args[0] == "inject" && r.Code != 0 && !strings.Contains(r.Stderr, "already") {
						t.Errorf("%q, of a runtime that answered: %+v", args, r)
					}
				}
				// A runtime that is back lets everything be taken out.
				if r := a.run("eject", "--all"); r.Code != 0 {
					t.Errorf("eject after %d bytes: %+v", at, r)
				}
				if diff := box.Diff(); len(diff) > 0 {
					t.Errorf("after %d bytes the container has %q", at, diff)
				}
			}
			a.clean()
		})
	}
}

// TestRuntimeEnds: the runtime itself is stopped, or killed and started again, at any moment of
// what dlx does. dlx ends, by itself or when asked to, and what it has done can be taken back.
func TestRuntimeEnds(t *testing.T) {
	t.Parallel()
	a := start(t, "the runtime itself stopped, or killed and started again, at any moment", "inject, eject, debug, capture, ps")
	daemon := testutil.StartDocker(t, "--live-restore")
	a.docker = daemon.Docker
	box := daemon.Run(t, testutil.RunOptions{Image: daemon.Image(t, "pause", testutil.Prog(t, "pause"))})
	commands := [][]string{
		{"inject", box.ID}, {"eject", box.ID}, {"inject", box.ID}, {"debug", box.ID, "--", "true"}, {"ps"}, {"capture", box.ID, "-c", "1"},
	}
	kills := 0
	a.begin()
	for i := 0; a.moreEnds(kills); i++ {
		kill := i%5 == 0
		sent := make(chan struct{})
		at := time.AfterFunc(rand.N(60*time.Millisecond), func() {
			defer close(sent)
			if kill {
				daemon.Signal(syscall.SIGKILL)
			} else {
				daemon.Signal(syscall.SIGSTOP)
			}
		})
		a.tries++
		a.sessions++
		a.interrupt(500*time.Millisecond, nil, commands[i%len(commands)]...)
		if at.Stop() { // dlx was faster
			continue
		}
		<-sent
		if kill {
			kills++
			daemon.Restart()
		} else {
			daemon.Signal(syscall.SIGCONT)
		}
		if r := a.run("eject", "--all"); r.Code != 0 {
			t.Errorf("eject after %q: %+v", commands[i%len(commands)], r)
		}
		if diff := box.Diff(); len(diff) > 0 {
			t.Errorf("after %q the container has %q", commands[i%len(commands)], diff)
		}
	}
	a.clean()
}

// moreEnds is more for a runtime, whose start takes its time.
func (a *attack) moreEnds(kills int) bool {
	if !long {
		return !a.Failed() && (a.tries < 10 || kills == 0)
	}
	return !a.Failed() && time.Since(a.began) < longLimit && a.tries < longStarts
}
