package tlsid_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"dlx/agent/identity"
	"dlx/agent/revocation"
	"dlx/agent/tlsid"
	"dlx/fault"
)

// TestClient: which agents a user's dlx speaks to.
func TestClient(t *testing.T) {
	root, other := newAuthority(t, nil, "root"), newAuthority(t, nil, "other")
	own := root.leaf(nil, alice)
	for name, tt := range map[string]struct {
		server tls.Certificate
		host   string
		want   func(error) bool
	}{
		"good":             {root.server(nil), "node.test", nil},
		"good, by address": {root.server(nil), "127.0.0.1", nil},
		"another name":     {root.server(nil), "other.test", hostname},
		"a name above":     {root.server(nil), "test", hostname},
		"another address":  {root.server(nil), "127.0.0.2", hostname},
		"a name in its CN": {root.leaf(usages(x509.ExtKeyUsageServerAuth)), "leaf", hostname},
		"a user's name":    {root.leaf(usages(x509.ExtKeyUsageServerAuth), "dlx://node.test/alice"), "node.test", hostname},
		"of another CA":    {other.server(nil), "node.test", func(err error) bool { _, ok := errors.AsType[x509.UnknownAuthorityError](err); return ok }},
		"a user's":         {root.server(usages(x509.ExtKeyUsageClientAuth)), "node.test", invalid(x509.IncompatibleUsage)},
		"for both ends":    {root.server(usages(x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)), "node.test", says("not for an agent alone")},
		"for anything":     {root.server(usages(x509.ExtKeyUsageAny)), "node.test", says("not for an agent alone")},
		"for nothing":      {root.server(usages()), "node.test", says("not for an agent")},
		"expired": {root.server(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		}), "node.test", invalid(x509.Expired)},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := tlsid.ClientConfig(files(t, own, root.pem(), nil), tt.host)
			if err != nil {
				t.Fatal(err)
			}
			err = meet(t, config, &tls.Config{Certificates: []tls.Certificate{tt.server}, NextProtos: []string{"h2"}, ClientAuth: tls.RequireAnyClientCert})
			if tt.want == nil && err != nil || tt.want != nil && (err == nil || !tt.want(err)) {
				t.Error(err)
			}
		})
	}
	config, err := tlsid.ClientConfig(files(t, own, root.pem(), nil), "node.test")
	if err != nil {
		t.Fatal(err)
	}
	good := root.server(nil)
	for name, server := range map[string]*tls.Config{
		"TLS 1.2":          {MaxVersion: tls.VersionTLS12, NextProtos: []string{"h2"}},
		"no protocol":      {},
		"another protocol": {NextProtos: []string{"http/1.1"}},
	} {
		server.Certificates = []tls.Certificate{good}
		if err := meet(t, config, server); err == nil {
			t.Errorf("%s is spoken to", name)
		}
	}
	listed, err := tlsid.ClientConfig(files(t, own, root.pem(), root.list(1, nil, good.Leaf)), "node.test")
	if err != nil {
		t.Fatal(err)
	}
	if err := meet(t, listed, &tls.Config{Certificates: []tls.Certificate{good}, NextProtos: []string{"h2"}}); !errors.Is(err, revocation.ErrRevoked) {
		t.Errorf("one that was revoked: %v", err)
	}
}

func hostname(err error) bool { _, ok := errors.AsType[x509.HostnameError](err); return ok }

// meet has a client shake hands with a server, and returns the client's error.
func meet(t *testing.T, c, s *tls.Config) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_ = tls.Server(conn, s).HandshakeContext(t.Context()) // it is the client's that counts
		_ = conn.Close()
	}()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: limit}, "tcp", l.Addr().String(), c)
	if err == nil {
		err = conn.Close()
		if errors.Is(err, net.ErrClosed) {
			err = nil
		}
	}
	if lerr := l.Close(); lerr != nil {
		t.Error(lerr)
	}
	<-ended
	return err
}

// TestOwnFiles: what a user's own files have to be.
func TestOwnFiles(t *testing.T) {
	root := newAuthority(t, nil, "root")
	for name, tt := range map[string]struct {
		own   tls.Certificate
		spoil func(f *tlsid.Files) error
		want  error
	}{
		"an agent's": {root.server(nil), nil, fault.BadCertificate},
		"no name":    {root.leaf(nil), nil, identity.ErrNoName},
		"two names":  {root.leaf(nil, alice, "dlx://user/bob"), nil, identity.ErrTwoNames},
		"expired": {root.leaf(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		}, alice), nil, fault.BadCertificate},
		"not yet valid": {root.leaf(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		}, alice), nil, fault.BadCertificate},
		"key that others read": {root.leaf(nil, alice), func(f *tlsid.Files) error { return os.Chmod(f.Key, 0o644) }, fault.OpenKey},
		"no key":               {root.leaf(nil, alice), func(f *tlsid.Files) error { return os.Remove(f.Key) }, os.ErrNotExist},
		"CA that others write": {root.leaf(nil, alice), func(f *tlsid.Files) error { return os.Chmod(f.CA, 0o666) }, fault.Writable},
		"certificate of none":  {root.leaf(nil, alice), func(f *tlsid.Files) error { return os.WriteFile(f.Cert, []byte("x"), 0o600) }, fault.BadCertificate},
	} {
		f := files(t, tt.own, root.pem(), nil)
		if tt.spoil != nil {
			if err := tt.spoil(&f); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := tlsid.ClientConfig(f, "node.test"); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if _, err := tlsid.ClientConfig(files(t, root.leaf(nil, alice), root.pem(), nil), ""); err == nil {
		t.Error("no name of a host is one")
	}
	for name, state := range map[string]*tls.ConnectionState{
		"nothing": nil, "no handshake": {}, "no certificate": {HandshakeComplete: true, Version: tls.VersionTLS13},
		"not verified": {HandshakeComplete: true, Version: tls.VersionTLS13, PeerCertificates: []*x509.Certificate{root.leaf(nil, alice).Leaf}},
	} {
		if c, err := tlsid.Caller(state, "x"); err == nil {
			t.Errorf("%s is %+v", name, c)
		}
	}
}
