package tlsid_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"dlx/agent/tlsid"
	"dlx/internal/testutil"
)

// limit is how long a test waits for what is to happen soon.
const limit = 10 * time.Second

// agent is a listener that gives back what it gets from whom it lets in.
type agent struct {
	*tlsid.Reloader
	net.Listener
	clock

	mu      sync.Mutex
	met     int     // connections that were let in
	refused []error // the others
	told    []error // about the files
}

// clock can be put forward.
type clock struct {
	mu      sync.Mutex
	forward time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.forward)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forward += d
}

func listen(t *testing.T, f tlsid.Files) *agent {
	t.Helper()
	a := &agent{}
	r, err := tlsid.ServerConfig(f, func(err error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.told = append(a.told, err)
	})
	if err != nil {
		t.Fatal(err)
	}
	a.Reloader = r
	tlsid.SetClock(t, r, a.now)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.Listener = r.Listener(inner, func(_ net.Addr, err error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.refused = append(a.refused, err)
	})
	var under sync.WaitGroup
	under.Go(func() {
		for {
			conn, err := a.Accept()
			if err != nil {
				return
			}
			a.mu.Lock()
			a.met++
			a.mu.Unlock()
			under.Go(func() {
				defer func() { _ = conn.Close() }()
				_, _ = io.Copy(conn, conn)
			})
		}
	})
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		under.Wait()
		testutil.Wait(t, "the end of all watches", limit, func() bool { return tlsid.Watched(r) == 0 })
	})
	return a
}

func (a *agent) counts() (met int, refused, told []error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.met, append([]error{}, a.refused...), append([]error{}, a.told...)
}

// client trusts a CA, and shows what it has.
func client(ca *authority, own ...tls.Certificate) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	c := &tls.Config{RootCAs: roots, ServerName: "node.test", NextProtos: []string{"h2"}}
	if len(own) > 0 { // whatever the server asks for
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own[0], nil }
	}
	return c
}

// dial connects, and says something that comes back. Of a client that is refused, TLS 1.3 has the
// handshake end before the server knows who it is.
func (a *agent) dial(t *testing.T, c *tls.Config) (*tls.Conn, error) {
	t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: limit}, "tcp", a.Addr().String(), c)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := say(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func say(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("x")); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, 1))
	return err
}
