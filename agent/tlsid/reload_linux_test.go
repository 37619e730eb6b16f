package tlsid_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dlx/agent/revocation"
	"dlx/agent/tlsid"
	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/testutil"
)

// ends waits for the other end to close a connection.
func ends(t *testing.T, conn *tls.Conn) {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	_, err := conn.Read(make([]byte, 1))
	if e := (interface{ Timeout() bool })(nil); err == nil || errors.As(err, &e) && e.Timeout() {
		t.Errorf("it is open: %v", err)
	}
}

// state is a connection's as a server sees it.
func state(ca *authority, own tls.Certificate) *tls.ConnectionState {
	return &tls.ConnectionState{
		HandshakeComplete: true, Version: tls.VersionTLS13, PeerCertificates: []*x509.Certificate{own.Leaf},
		VerifiedChains: [][]*x509.Certificate{{own.Leaf, ca.cert}},
	}
}

// TestRevokedMeanwhile: a certificate that is revoked, or expires, while its connection is open
// ends that, and others stay.
func TestRevokedMeanwhile(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, a *agent, root *authority, f *tlsid.Files, bad *x509.Certificate){
		"revoked": func(t *testing.T, _ *agent, root *authority, f *tlsid.Files, bad *x509.Certificate) {
			put(t, f.CRL, 0o644, root.list(2, nil, bad))
		},
		"expired": func(_ *testing.T, a *agent, _ *authority, _ *tlsid.Files, _ *x509.Certificate) { a.pass(2 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			root := newAuthority(t, nil, "root")
			f := files(t, root.server(nil), root.pem(), root.list(1, nil))
			a := listen(t, f)
			bad := root.leaf(func(c *x509.Certificate) {
				c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
			}, alice)
			good := root.leaf(nil, "dlx://user/bob")
			stays, err := a.dial(t, client(root, good))
			if err != nil {
				t.Fatal(err)
			}
			conn, err := a.dial(t, client(root, bad))
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := a.Watch(t.Context(), state(root, bad))
			defer stop()
			other, stopOther := a.Watch(t.Context(), state(root, good))
			defer stopOther()
			if err := errors.Join(ctx.Err(), a.StillValid(state(root, bad))); err != nil {
				t.Fatal(err)
			}
			change(t, a, root, &f, bad.Leaf)
			testutil.Wait(t, "the end of what it allowed", limit, func() bool { return ctx.Err() != nil })
			if cause := context.Cause(ctx); !errors.Is(cause, revocation.ErrRevoked) && !invalid(x509.Expired)(cause) {
				t.Errorf("ended by %v", cause)
			}
			ends(t, conn)
			if _, err := a.dial(t, client(root, bad)); err == nil {
				t.Error("it is let in again")
			}
			if err := a.StillValid(state(root, bad)); err == nil {
				t.Error("it is still valid")
			}
			late, stopLate := a.Watch(t.Context(), state(root, bad))
			defer stopLate()
			if late.Err() == nil {
				t.Error("what is begun with it is not ended at once")
			}
			if err := errors.Join(say(stays), other.Err(), a.StillValid(state(root, good))); err != nil {
				t.Errorf("another's: %v", err)
			}
		})
	}
}

// TestCAGone: who was let in by a CA that is trusted no more is out.
func TestCAGone(t *testing.T) {
	before, after := newAuthority(t, nil, "before"), newAuthority(t, nil, "after")
	f := files(t, before.server(nil), before.pem(), before.list(1, nil))
	a := listen(t, f)
	old := before.leaf(nil, alice)
	conn, err := a.dial(t, client(before, old))
	if err != nil {
		t.Fatal(err)
	}
	put(t, f.CA, 0o644, after.pem())
	put(t, f.CRL, 0o644, after.list(1, nil))
	ends(t, conn)
	if _, err := a.dial(t, client(before, old)); err == nil {
		t.Error("it is let in again")
	}
	if _, err := a.dial(t, client(before, after.leaf(nil, alice))); err != nil {
		t.Errorf("one of the new CA: %v", err)
	}
}

// TestListExpired: nobody gets in, nor stays, with a list that counts no more; a new one helps.
func TestListExpired(t *testing.T) {
	root := newAuthority(t, nil, "root")
	f := files(t, root.server(nil), root.pem(), root.list(1, nil))
	a := listen(t, f)
	own := root.leaf(nil, alice)
	conn, err := a.dial(t, client(root, own))
	if err != nil {
		t.Fatal(err)
	}
	a.pass(25 * time.Hour)
	ends(t, conn)
	if _, err := a.dial(t, client(root, own)); err == nil {
		t.Error("it is let in")
	}
	if _, refused, _ := a.counts(); len(refused) == 0 || !errors.Is(refused[len(refused)-1], revocation.ErrExpired) {
		t.Errorf("refused by %v", refused)
	}
	put(t, f.CRL, 0o644, root.list(2, func(l *x509.RevocationList) { l.NextUpdate = time.Now().Add(48 * time.Hour) }))
	testutil.Wait(t, "the new list", limit, func() bool {
		_, err := a.dial(t, client(root, own))
		return err == nil
	})

	told := 0
	g := files(t, root.server(nil), root.pem(), root.list(1, func(l *x509.RevocationList) {
		l.ThisUpdate, l.NextUpdate = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	}))
	if _, err := tlsid.ServerConfig(g, func(err error) {
		if errors.Is(err, revocation.ErrExpired) {
			told++
		}
	}); err != nil || told != 1 {
		t.Errorf("expired from the start: %v, told %d times", err, told)
	}
}

// TestReloadKeeps: files that are not right leave the former in force and are told of; right ones
// that follow are taken.
func TestReloadKeeps(t *testing.T) {
	root, other := newAuthority(t, nil, "root"), newAuthority(t, nil, "other")
	own, revoked := root.leaf(nil, alice), root.leaf(nil, "dlx://user/bob")
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, f *tlsid.Files)
		want  error
	}{
		"list cut off": {func(t *testing.T, f *tlsid.Files) {
			text := root.list(3, nil)
			put(t, f.CRL, 0o644, text[:len(text)-30])
		}, fault.BadCertificate},
		"list empty":             {func(t *testing.T, f *tlsid.Files) { put(t, f.CRL, 0o644, nil) }, fault.BadCertificate},
		"list gone":              {func(t *testing.T, f *tlsid.Files) { remove(t, f.CRL) }, os.ErrNotExist},
		"list of another CA":     {func(t *testing.T, f *tlsid.Files) { put(t, f.CRL, 0o644, other.list(3, nil)) }, fault.BadCertificate},
		"list that is older":     {func(t *testing.T, f *tlsid.Files) { put(t, f.CRL, 0o644, root.list(1, nil)) }, nil},
		"list that others write": {func(t *testing.T, f *tlsid.Files) { put(t, f.CRL, 0o644, root.list(3, nil)); chmod(t, f.CRL, 0o666) }, fault.Writable},
		"list a FIFO":            {func(t *testing.T, f *tlsid.Files) { remove(t, f.CRL); fifo(t, f.CRL) }, fault.BadKey},
		"folder that others write": {func(t *testing.T, f *tlsid.Files) {
			put(t, f.CRL, 0o644, root.list(3, nil))
			chmod(t, filepath.Dir(f.CRL), 0o777)
		}, fault.Writable},
		"list of another's": {func(t *testing.T, f *tlsid.Files) {
			put(t, f.CRL, 0o644, root.list(3, nil))
			if err := os.Chown(f.CRL, linux.Nobody, linux.Nobody); err != nil {
				t.Fatal(err)
			}
		}, fault.NotOwned},
		"CA cut off":      {func(t *testing.T, f *tlsid.Files) { put(t, f.CA, 0o644, root.pem()[:50]) }, fault.BadCertificate},
		"CA that is none": {func(t *testing.T, f *tlsid.Files) { put(t, f.CA, 0o644, root.pem(), certOf(own)) }, fault.BadCertificate},
		"another CA":      {func(t *testing.T, f *tlsid.Files) { put(t, f.CA, 0o644, other.pem()) }, fault.BadCertificate},
		"key of another":  {func(t *testing.T, f *tlsid.Files) { g := *f; g.Cert += ".x"; putPair(t, &g, own); remove(t, g.Cert) }, fault.BadCertificate},
		"key that others read": {func(t *testing.T, f *tlsid.Files) {
			put(t, f.Cert, 0o644, certOf(own))
			chmod(t, f.Key, 0o640)
		}, fault.OpenKey},
		"a user's certificate": {func(t *testing.T, f *tlsid.Files) { putPair(t, f, own) }, fault.BadCertificate},
	} {
		t.Run(name, func(t *testing.T) {
			server := root.server(nil)
			f := files(t, server, root.pem(), root.list(2, nil, revoked.Leaf))
			a := listen(t, f)
			tt.spoil(t, &f)
			testutil.Wait(t, "what is told", limit, func() bool {
				if _, err := a.dial(t, client(root, own)); err != nil {
					t.Fatalf("who was let in is not: %v", err)
				}
				_, _, told := a.counts()
				return len(told) > 0
			})
			if _, err := a.dial(t, client(root, revoked)); err == nil {
				t.Error("who was revoked is let in")
			}
			_, _, told := a.counts()
			if len(told) != 1 || tt.want != nil && !errors.Is(told[0], tt.want) {
				t.Errorf("told %v, want %v, once", told, tt.want)
			}
			for i, d := range []time.Duration{time.Second, time.Second, time.Minute} { // looked at again, and told once in a minute
				a.pass(d)
				if err := a.StillValid(state(root, own)); err != nil {
					t.Error(err)
				}
				if _, _, told := a.counts(); len(told) != 1+i/2 {
					t.Errorf("told %d times", len(told))
				}
			}
			_, err := tlsid.ServerConfig(f, nil)
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("from the start: %v, want %v", err, tt.want)
			}
			chmod(t, filepath.Dir(f.CRL), 0o700)
			remove(t, f.CRL)
			put(t, f.CA, 0o644, root.pem())
			put(t, f.CRL, 0o644, root.list(4, nil, own.Leaf))
			putPair(t, &f, root.server(nil))
			testutil.Wait(t, "what is right", limit, func() bool {
				_, err := a.dial(t, client(root, own))
				return err != nil
			})
		})
	}
}

func certOf(c tls.Certificate) []byte { return (&authority{cert: c.Leaf}).pem() }

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, name string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
}

// TestNewCertificate: an agent's renewed certificate is taken without a restart.
func TestNewCertificate(t *testing.T) {
	root := newAuthority(t, nil, "root")
	f := files(t, root.server(nil), root.pem(), root.list(1, nil))
	a := listen(t, f)
	own, next := root.leaf(nil, alice), root.server(nil)
	putPair(t, &f, next)
	testutil.Wait(t, "the new certificate", limit, func() bool {
		conn, err := a.dial(t, client(root, own))
		return err == nil && conn.ConnectionState().PeerCertificates[0].Equal(next.Leaf)
	})
}

func fifo(t *testing.T, name string) {
	t.Helper()
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
}
