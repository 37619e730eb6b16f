package tlsid_test

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"dlx/agent/identity"
	"dlx/agent/revocation"
	"dlx/internal/testutil"
)

const alice = "dlx://user/alice"

func invalid(reason x509.InvalidReason) func(error) bool {
	return func(err error) bool {
		e, ok := errors.AsType[x509.CertificateInvalidError](err)
		return ok && e.Reason == reason
	}
}

func is(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }

func says(text string) func(error) bool {
	return func(err error) bool { return strings.Contains(err.Error(), text) }
}

func usages(list ...x509.ExtKeyUsage) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.ExtKeyUsage = list }
}

// TestRefused: who is not let in, by real handshakes, and that it is for the reason meant.
func TestRefused(t *testing.T) {
	root, other := newAuthority(t, nil, "root"), newAuthority(t, nil, "other")
	unlisted := newAuthority(t, root, "an intermediate without a list")
	ended := newAuthority(t, root, "an intermediate that was revoked")
	between := newAuthority(t, root, "an intermediate")
	revoked, revokedBelow := root.leaf(nil, alice), between.leaf(nil, alice)
	same := newAuthority(t, nil, "root") // another key behind the same name
	f := files(t, root.server(nil), join(root.pem(), between.pem(), ended.pem()), join(
		root.list(1, nil, revoked.Leaf, ended.cert), between.list(1, nil, revokedBelow.Leaf), ended.list(1, nil)))
	a := listen(t, f)

	unknown := func(err error) bool {
		_, ok := errors.AsType[x509.UnknownAuthorityError](err)
		return ok
	}
	alone := &authority{t: t} // signs for itself
	for name, tt := range map[string]struct {
		own    *tls.Certificate
		change func(*tls.Config)
		want   func(error) bool
	}{
		"good":                           {new(root.leaf(nil, alice)), nil, nil},
		"good, by an intermediate":       {new(between.leaf(nil, alice)), nil, nil},
		"good, with other names besides": {new(root.leaf(nil, "spiffe://test/x", alice)), nil, nil},

		"no certificate":                 {nil, nil, says("client didn't provide a certificate")},
		"an empty certificate":           {&tls.Certificate{}, nil, says("client didn't provide a certificate")},
		"of another CA":                  {new(other.leaf(nil, alice)), nil, unknown},
		"of a CA of the same name":       {new(same.leaf(nil, alice)), nil, unknown},
		"self-signed":                    {new(alone.leaf(nil, alice)), nil, unknown},
		"the key of another certificate": {mixed(root.leaf(nil, alice), other.leaf(nil, alice)), nil, says("invalid signature")},
		"expired": {new(root.leaf(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Second)
		}, alice)), nil, invalid(x509.Expired)},
		"not yet valid": {new(root.leaf(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		}, alice)), nil, invalid(x509.Expired)},
		"an agent's":             {new(root.server(nil)), nil, invalid(x509.IncompatibleUsage)},
		"an agent's with a name": {new(root.leaf(usages(x509.ExtKeyUsageServerAuth), alice)), nil, invalid(x509.IncompatibleUsage)},
		"for both ends":          {new(root.leaf(usages(x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth), alice)), nil, says("not for a user alone")},
		"for anything":           {new(root.leaf(usages(x509.ExtKeyUsageAny), alice)), nil, says("not for a user alone")},
		"for nothing":            {new(root.leaf(usages(), alice)), nil, says("not for a user")},
		"a CA's": {new(root.leaf(func(c *x509.Certificate) {
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
		}, alice)), nil, says("a CA's")},
		"of a user":            {new(byUser(root)), nil, either(invalid(x509.NotAuthorizedToSign), unknown)},
		"no names":             {new(root.leaf(nil)), nil, is(identity.ErrNoName)},
		"another name":         {new(root.leaf(nil, "spiffe://test/x")), nil, is(identity.ErrNoName)},
		"two names":            {new(root.leaf(nil, alice, "dlx://user/root")), nil, is(identity.ErrTwoNames)},
		"a name in two ways":   {new(root.leaf(nil, alice, "DLX://user/alice")), nil, is(identity.ErrTwoNames)},
		"a name in capitals":   {new(root.leaf(nil, "DLX://user/alice")), nil, says("is not dlx://user/NAME")},
		"a percent-encoded":    {new(root.leaf(nil, "dlx://user/al%69ce")), nil, says("is no user's name")},
		"an encoded slash":     {new(root.leaf(nil, "dlx://user/alice%2froot")), nil, says("is no user's name")},
		"an encoded zero":      {new(root.leaf(nil, "dlx://user/alice%00")), nil, says("is no user's name")},
		"a control byte":       {new(root.leaf(nil, "dlx://user/al\nice")), nil, says("cannot parse URI")},
		"a zero byte":          {new(root.leaf(nil, "dlx://user/alice\x00")), nil, says("cannot parse URI")},
		"an escape sequence":   {new(root.leaf(nil, "dlx://user/\x1b[2J")), nil, says("cannot parse URI")},
		"a longer path":        {new(root.leaf(nil, "dlx://user/alice/root")), nil, says("is no user's name")},
		"dots":                 {new(root.leaf(nil, "dlx://user/../root")), nil, says("is no user's name")},
		"a query":              {new(root.leaf(nil, "dlx://user/alice?root")), nil, says("is no user's name")},
		"a fragment":           {new(root.leaf(nil, "dlx://user/alice#")), nil, says("is no user's name")},
		"another host":         {new(root.leaf(nil, "dlx://users/alice")), nil, says("is not dlx://user/NAME")},
		"revoked":              {&revoked, nil, is(revocation.ErrRevoked)},
		"revoked below":        {&revokedBelow, nil, is(revocation.ErrRevoked)},
		"its CA revoked":       {new(ended.leaf(nil, alice)), nil, is(revocation.ErrRevoked)},
		"its CA has no list":   {new(unlisted.leaf(nil, alice)), nil, is(revocation.ErrNoList)},
		"TLS 1.2":              {new(root.leaf(nil, alice)), func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, says("unsupported versions")},
		"TLS 1.0":              {new(root.leaf(nil, alice)), func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 }, says("unsupported versions")},
		"no protocol":          {new(root.leaf(nil, alice)), func(c *tls.Config) { c.NextProtos = nil }, says("the protocol")},
		"another protocol":     {new(root.leaf(nil, alice)), func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }, says("the protocol")},
		"TLS 1.2, no protocol": {nil, func(c *tls.Config) { c.NextProtos, c.MaxVersion = nil, tls.VersionTLS12 }, says("unsupported versions")},
	} {
		t.Run(name, func(t *testing.T) {
			c := client(root)
			if tt.own != nil {
				c = client(root, *tt.own)
			}
			if tt.change != nil {
				tt.change(c)
			}
			met, refused, _ := a.counts()
			conn, err := a.dial(t, c)
			if tt.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				state := conn.ConnectionState()
				if err := conn.Close(); err != nil || state.DidResume || state.Version != tls.VersionTLS13 {
					t.Errorf("%v, resumed %v, %s", err, state.DidResume, tls.VersionName(state.Version))
				}
				return
			}
			if err == nil {
				t.Fatal("it is let in")
			}
			var now []error
			testutil.Wait(t, "the refusal", limit, func() bool {
				_, now, _ = a.counts()
				return len(now) > len(refused)
			})
			if last := now[len(now)-1]; !tt.want(last) {
				t.Errorf("refused for another reason: %v", last)
			}
			if again, _, _ := a.counts(); again != met {
				t.Error("it was let in, too")
			}
		})
	}
}

func either(all ...func(error) bool) func(error) bool {
	return func(err error) bool {
		for _, f := range all {
			if f(err) {
				return true
			}
		}
		return false
	}
}

func join(texts ...[]byte) (all []byte) {
	for _, text := range texts {
		all = append(all, text...)
	}
	return all
}

// mixed is a certificate with another one's key.
func mixed(cert, key tls.Certificate) *tls.Certificate {
	cert.PrivateKey = key.PrivateKey
	return &cert
}

// byUser is a certificate that a user has signed.
func byUser(root *authority) tls.Certificate {
	user := root.leaf(nil, alice)
	signer := &authority{t: root.t, cert: user.Leaf, key: user.PrivateKey.(ed25519.PrivateKey), up: root}
	return signer.leaf(nil, "dlx://user/root")
}

// TestResumption: no session is resumed, also by who has asked for tickets.
func TestResumption(t *testing.T) {
	root := newAuthority(t, nil, "root")
	a := listen(t, files(t, root.server(nil), root.pem(), root.list(1, nil)))
	c := client(root, root.leaf(nil, alice))
	c.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	for range 3 {
		conn, err := a.dial(t, c)
		if err != nil {
			t.Fatal(err)
		}
		if conn.ConnectionState().DidResume {
			t.Error("a session was resumed")
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}
