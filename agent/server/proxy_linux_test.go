package server_test

import (
	"io"
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

type sig = syscall.Signal

// proxy is a way to an agent that can be cut, or on which nothing comes through any more.
type proxy struct {
	socket string

	mu     sync.Mutex
	closed bool
	conns  []net.Conn
	frozen chan struct{}
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	p := &proxy{socket: filepath.Join(t.TempDir(), "p"), frozen: make(chan struct{})}
	l, err := net.Listen("unix", p.socket)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", to)
			if err != nil || !p.add(near, far) {
				_ = near.Close()
				return
			}
			wg.Go(func() { p.pass(near, far) })
			wg.Go(func() { p.pass(far, near) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		wg.Wait()
	})
	return p
}

func (p *proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, conns...)
	return !p.closed
}

// pass carries bytes until the way is cut. A frozen one takes them, and they go nowhere.
func (p *proxy) pass(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		select {
		case <-p.frozen:
			_, _ = io.Copy(io.Discard, from)
			return
		default:
		}
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			_ = to.Close()
			return
		}
	}
}

func (p *proxy) freeze() { close(p.frozen) }

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.conns {
		_ = c.Close()
	}
}
