package tlsid_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"dlx/agent/identity"
	"dlx/agent/revocation"
	"dlx/agent/tlsid"
	"dlx/internal/testutil"
)

// from connects from an address of this machine's.
func (a *agent) from(t *testing.T, address string) net.Conn {
	t.Helper()
	d := net.Dialer{Timeout: limit, LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	conn, err := d.DialContext(t.Context(), "tcp", a.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestGarbage: what is no handshake is closed, costs little, and keeps nobody out.
func TestGarbage(t *testing.T) {
	root := newAuthority(t, nil, "root")
	a := listen(t, files(t, root.server(nil), root.pem(), root.list(1, nil)))
	own := root.leaf(nil, alice)
	noise := make([]byte, 8<<10)
	_, _ = rand.Read(noise)
	hello := []byte{22, 3, 1, 0x3f, 0xff, 1, 0xff, 0xff, 0xff} // a record, with a message of 16 MiB
	texts := [][]byte{
		noise, hello, slices.Concat(hello, noise), []byte("GET / HTTP/1.1\r\nHost: node.test\r\n\r\n"),
		[]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"), bytes.Repeat([]byte{22, 3, 1, 0, 0}, 1000), {},
	}
	before := runtime.NumGoroutine()
	var mem, after runtime.MemStats
	runtime.ReadMemStats(&mem)
	began := time.Now()
	const rounds = 300
	for i := range rounds {
		conn := a.from(t, "127.0.0.1")
		_, _ = conn.Write(texts[i%len(texts)]) // it may have been closed meanwhile
		_ = conn.(*net.TCPConn).CloseWrite()   // the same
		_ = conn.SetReadDeadline(time.Now().Add(limit))
		answer, err := io.ReadAll(conn)
		if e := net.Error(nil); errors.As(err, &e) && e.Timeout() {
			t.Fatalf("%.20q: it is open", texts[i%len(texts)])
		}
		if bytes.Contains(answer, []byte("HTTP")) || len(answer) > 100 {
			t.Errorf("%.20q is answered with %q", texts[i%len(texts)], answer)
		}
		_ = conn.Close()
	}
	runtime.ReadMemStats(&after)
	t.Logf("%d in %v, %d bytes allocated for each", rounds, time.Since(began).Round(time.Millisecond), (after.TotalAlloc-mem.TotalAlloc)/rounds)
	testutil.Wait(t, "the end of all handshakes", limit, func() bool {
		return tlsid.Pending(a.Listener) == 0 && runtime.NumGoroutine() <= before
	})
	if met, _, _ := a.counts(); met != 0 {
		t.Errorf("%d were let in", met)
	}
	if _, err := a.dial(t, client(root, own)); err != nil {
		t.Error(err)
	}
}

// TestSilent: who connects and says nothing takes so many places of an address, and no more.
func TestSilent(t *testing.T) {
	root := newAuthority(t, nil, "root")
	a := listen(t, files(t, root.server(nil), root.pem(), root.list(1, nil)))
	for range 3 * tlsid.MaxPendingFrom {
		a.from(t, "127.0.0.2")
	}
	refused := func(n int) func() bool {
		return func() bool {
			_, list, _ := a.counts()
			list = slices.DeleteFunc(list, func(err error) bool { return !strings.Contains(err.Error(), "are under way already") }) // not those that took too long
			return len(list) >= n && tlsid.Pending(a.Listener) >= tlsid.MaxPendingFrom
		}
	}
	testutil.Wait(t, "the refusal of the others", limit, refused(2*tlsid.MaxPendingFrom))
	if n := tlsid.Pending(a.Listener); n != tlsid.MaxPendingFrom {
		t.Errorf("%d are under way", n)
	}
	if _, err := a.dial(t, client(root, root.leaf(nil, alice))); err != nil {
		t.Errorf("from another address: %v", err)
	}
	for i := range tlsid.MaxPending {
		a.from(t, net.IPv4(127, 0, 1, byte(i)+1).String())
	}
	testutil.Wait(t, "the refusal of all above", limit, refused(3*tlsid.MaxPendingFrom))
	if n := tlsid.Pending(a.Listener); n != tlsid.MaxPending {
		t.Errorf("%d are under way", n)
	}
}

// TestHTTP: a server of HTTP/2 knows who asks, and learns why somebody may no more.
func TestHTTP(t *testing.T) {
	root := newAuthority(t, nil, "root")
	f := files(t, root.server(nil), root.pem(), root.list(1, nil))
	r, err := tlsid.ServerConfig(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	tlsid.SetClock(t, r, time.Now)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	causes := make(chan error, 1)
	server := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		c, err := tlsid.Caller(q.TLS, q.RemoteAddr)
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(w, c.Name+" "+string(c.Known)+" "+q.Proto+"\n")
		if c.UID != identity.NoUser || c.From != q.RemoteAddr || len(c.Groups) != 0 || c.PID != 0 {
			t.Errorf("%+v", c)
		}
		_ = http.NewResponseController(w).Flush()
		ctx, stop := r.Watch(q.Context(), q.TLS)
		defer stop()
		<-ctx.Done()
		causes <- context.Cause(ctx)
	})}
	server.Protocols.SetHTTP2(true)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(r.Listener(inner, nil)) }()
	own := root.leaf(nil, alice)
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: client(root, own), ForceAttemptHTTP2: true}}
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+inner.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("alice certificate HTTP/2.0\n"))
	if _, err := io.ReadFull(resp.Body, line); err != nil || string(line) != "alice certificate HTTP/2.0\n" {
		t.Errorf("%q, %v", line, err)
	}
	put(t, f.CRL, 0o644, root.list(2, nil, own.Leaf))
	select {
	case cause := <-causes:
		if !errors.Is(cause, revocation.ErrRevoked) {
			t.Errorf("ended by %v", cause)
		}
	case <-time.After(limit):
		t.Error("it is not ended")
	}
	if err := errors.Join(resp.Body.Close(), server.Close()); err != nil {
		t.Error(err)
	}
	c.CloseIdleConnections()
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

// TestClosed: a listener that is closed gives nobody away, and ends handshakes that are under way.
func TestClosed(t *testing.T) {
	root := newAuthority(t, nil, "root")
	a := listen(t, files(t, root.server(nil), root.pem(), root.list(1, nil)))
	silent := a.from(t, "127.0.0.1")
	testutil.Wait(t, "the handshake", limit, func() bool { return tlsid.Pending(a.Listener) == 1 })
	began := time.Now()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > limit/2 {
		t.Errorf("it took %v", d)
	}
	if _, err := a.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	_ = silent.SetReadDeadline(time.Now().Add(limit))
	if _, err := silent.Read(make([]byte, 1)); errors.Is(err, context.DeadlineExceeded) || err == nil {
		t.Error(err)
	}
}

// BenchmarkHandshake is of both ends, with files that are looked at.
func BenchmarkHandshake(b *testing.B) {
	root := newAuthority(b, nil, "root")
	f := filesIn(b, b.TempDir(), root.server(nil), root.pem(), root.list(1, nil))
	r, err := tlsid.ServerConfig(f, nil)
	if err != nil {
		b.Fatal(err)
	}
	server, user := r.Config(), client(root, root.leaf(nil, alice))
	b.ReportAllocs()
	for b.Loop() {
		one, other := net.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- tls.Server(one, server).HandshakeContext(b.Context()) }()
		if err := errors.Join(tls.Client(other, user).HandshakeContext(b.Context()), <-ended, one.Close(), other.Close()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStillValid is what each request costs.
func BenchmarkStillValid(b *testing.B) {
	root := newAuthority(b, nil, "root")
	r, err := tlsid.ServerConfig(filesIn(b, b.TempDir(), root.server(nil), root.pem(), root.list(1, nil)), nil)
	if err != nil {
		b.Fatal(err)
	}
	met := state(root, root.leaf(nil, alice))
	b.ReportAllocs()
	for b.Loop() {
		if err := r.StillValid(met); err != nil {
			b.Fatal(err)
		}
	}
}
