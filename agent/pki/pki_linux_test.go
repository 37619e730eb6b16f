package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/agent/pki"
	"dlx/agent/revocation"
	"dlx/agent/tlsid"
	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/pemfile"
	"dlx/internal/testutil"
)

const day = 24 * time.Hour

func newCA(t *testing.T) (*pki.CA, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "above", "ca")
	ca, err := pki.Init(dir, pki.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return ca, dir
}

func parse(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	blocks, err := pemfile.Blocks(text, pemfile.Certificate, 1)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(blocks[0])
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// keep writes what was issued as who gets it does.
func keep(t *testing.T, ca *pki.CA, i *pki.Issued, crl bool) tlsid.Files {
	t.Helper()
	dir := t.TempDir()
	f := tlsid.Files{Cert: dir + "/x.crt", Key: dir + "/x.key", CA: ca.CertFile()}
	if crl {
		f.CRL = ca.ListFile()
	}
	if err := errors.Join(os.WriteFile(f.Cert, i.Cert, 0o644), os.WriteFile(f.Key, i.Key, 0o600)); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestHandshake: what is issued is good for the end that it is for, until it is revoked.
func TestHandshake(t *testing.T) {
	ca, _ := newCA(t)
	host, err := ca.IssueServer([]string{"node.test"}, []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}, 0)
	if err != nil {
		t.Fatal(err)
	}
	user, err := ca.IssueClient("alice@example.org", 0)
	if err != nil {
		t.Fatal(err)
	}
	hosts, users := keep(t, ca, host, true), keep(t, ca, user, false)
	meet := func(host string) error {
		r, err := tlsid.ServerConfig(hosts, nil)
		if err != nil {
			return err
		}
		c, err := tlsid.ClientConfig(users, host)
		if err != nil {
			return err
		}
		one, other := net.Pipe()
		ended := make(chan error, 1)
		go func() {
			server := tls.Server(one, r.Config())
			err := server.HandshakeContext(t.Context())
			if err == nil {
				state := server.ConnectionState()
				who, werr := tlsid.Caller(&state, "there")
				if err = werr; err == nil && who.Name != "alice@example.org" {
					t.Errorf("%+v", who)
				}
			}
			ended <- errors.Join(err, one.Close())
		}()
		client := tls.Client(other, c)
		err = client.HandshakeContext(t.Context())
		_, _ = client.Read(make([]byte, 1)) // the server's answer
		return errors.Join(err, other.Close(), <-ended)
	}
	for _, name := range []string{"node.test", "127.0.0.1", "::1"} {
		if err := meet(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := meet("other.test"); err == nil {
		t.Error("another host's name is taken")
	}
	// A certificate for one end is none for the other.
	if _, err := tlsid.ServerConfig(keep(t, ca, user, true), nil); !errors.Is(err, fault.BadCertificate) {
		t.Errorf("a user's serves: %v", err)
	}
	if _, err := tlsid.ClientConfig(keep(t, ca, host, false), "node.test"); !errors.Is(err, fault.BadCertificate) {
		t.Errorf("an agent's is a user's: %v", err)
	}
	if _, err := ca.Revoke("alice@example.org"); err != nil {
		t.Fatal(err)
	}
	if err := meet("node.test"); !errors.Is(err, revocation.ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
}

// TestIssued: what is in a certificate, and no more.
func TestIssued(t *testing.T) {
	ca, _ := newCA(t)
	user, err := ca.IssueClient("alice", 0)
	if err != nil {
		t.Fatal(err)
	}
	host, err := ca.IssueServer([]string{"a.test", "b.test"}, nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	type facts struct {
		URI, Names string
		Usage      []x509.ExtKeyUsage
		Key        x509.KeyUsage
		CA         bool
		Life       time.Duration
		Since      time.Duration
	}
	of := func(c *x509.Certificate) (f facts) {
		for _, u := range c.URIs {
			f.URI += u.String()
		}
		f.Names, f.Usage, f.Key, f.CA = strings.Join(c.DNSNames, ","), c.ExtKeyUsage, c.KeyUsage, c.IsCA
		f.Life, f.Since = c.NotAfter.Sub(c.NotBefore), time.Since(c.NotBefore).Round(time.Minute)
		return f
	}
	const skew = 5 * time.Minute
	for _, tt := range []struct {
		got  *x509.Certificate
		want facts
	}{
		{parse(t, user.Cert), facts{"dlx://user/alice", "", []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, x509.KeyUsageDigitalSignature, false, 30*day + skew, skew}},
		{parse(t, host.Cert), facts{"", "a.test,b.test", []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, x509.KeyUsageDigitalSignature, false, time.Hour + skew, skew}},
	} {
		if diff := cmp.Diff(tt.want, of(tt.got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for _, name := range []string{"", "..", "a/b", "-a", "al%69ce", "a\nb", "älice", strings.Repeat("a", 65)} {
		if _, err := ca.IssueClient(name, 0); err == nil {
			t.Errorf("%q is a user", name)
		}
	}
	for _, name := range []string{"", "*.test", "*", "a..test", "a.test.", "A.test", "-a.test", "a-.test", "a b", "a/b", "a_b", "127.0.0.1", "ä.test", strings.Repeat("a", 64)} {
		if _, err := ca.IssueServer([]string{name}, nil, 0); err == nil {
			t.Errorf("%q is a host", name)
		}
	}
	for _, a := range []netip.Addr{{}, netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("::"), netip.MustParseAddr("224.0.0.1"), netip.MustParseAddr("fe80::1%eth0")} {
		if _, err := ca.IssueServer(nil, []netip.Addr{a}, 0); err == nil {
			t.Errorf("%q is a host", a)
		}
	}
	if _, err := ca.IssueServer(nil, nil, 0); err == nil {
		t.Error("a host without a name")
	}
	for _, life := range []time.Duration{-1, time.Second, 399 * day} {
		if _, err := ca.IssueClient("alice", life); err == nil {
			t.Errorf("it lasts for %v", life)
		}
	}
	list, err := ca.List()
	if err != nil || len(list) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestInit: the folder is its owner's alone, and appears whole or not at all.
func TestInit(t *testing.T) {
	_, dir := newCA(t)
	modes := map[string]fs.FileMode{}
	err := filepath.WalkDir(filepath.Dir(dir), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		rel, _ := filepath.Rel(filepath.Dir(dir), name)
		modes[rel] = info.Mode()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]fs.FileMode{
		".": fs.ModeDir | 0o700, "ca": fs.ModeDir | 0o700, "ca/issued": fs.ModeDir | 0o700, "ca/ca.key": 0o600, "ca/ca.crt": 0o644, "ca/crl.pem": 0o644,
	}, modes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	before, _ := os.ReadFile(dir + "/ca.key")
	if _, err := pki.Init(dir, pki.Options{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made twice: %v", err)
	}
	if after, _ := os.ReadFile(dir + "/ca.key"); string(after) != string(before) {
		t.Error("the key is another")
	}
	for _, o := range []pki.Options{{Lifetime: time.Hour}, {Lifetime: 30 * 365 * day}, {Name: strings.Repeat("a", 65)}, {Name: "a\x1b[2J"}} {
		at := filepath.Join(t.TempDir(), "ca")
		if _, err := pki.Init(at, o); err == nil {
			t.Errorf("%+v makes one", o)
		}
		if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("something was made: %v", err)
		}
	}
}

// TestOpenRefused: a CA that others could have changed is none, nor one that they can read.
func TestOpenRefused(t *testing.T) {
	testutil.RequireRoot(t) // chown
	for name, tt := range map[string]struct {
		change func(dir string) error
		want   error
	}{
		"folder that others write":  {func(dir string) error { return os.Chmod(dir, 0o777) }, fault.Writable},
		"folder that a group write": {func(dir string) error { return os.Chmod(dir, 0o770) }, fault.Writable},
		"above it writable":         {func(dir string) error { return os.Chmod(filepath.Dir(dir), 0o777) }, fault.Writable},
		"folder of another":         {func(dir string) error { return os.Chown(dir, linux.Nobody, linux.Nobody) }, fault.NotOwned},
		"key that others read":      {func(dir string) error { return os.Chmod(dir+"/ca.key", 0o640) }, fault.OpenKey},
		"certificate others write":  {func(dir string) error { return os.Chmod(dir+"/ca.crt", 0o666) }, fault.Writable},
		"list that others write":    {func(dir string) error { return os.Chmod(dir+"/crl.pem", 0o666) }, fault.Writable},
		"issued that others write":  {func(dir string) error { return os.Chmod(dir+"/issued", 0o777) }, fault.Writable},
		"nothing":                   {os.RemoveAll, fault.NoCA},
		"no key":                    {func(dir string) error { return os.Remove(dir + "/ca.key") }, fault.NoCA},
		"no list":                   {func(dir string) error { return os.Remove(dir + "/crl.pem") }, fs.ErrNotExist},
	} {
		_, dir := newCA(t)
		if err := tt.change(dir); err != nil {
			t.Fatal(err)
		}
		ca, err := pki.Open(dir)
		if strings.Contains(name, "list") || strings.Contains(name, "issued") { // which are read later
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			_, err = ca.Revoke()
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	_, one := newCA(t)
	_, other := newCA(t)
	key, err := os.ReadFile(other + "/ca.key")
	if err == nil {
		err = os.WriteFile(one+"/ca.key", key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pki.Open(one); err == nil {
		t.Error("another CA's key is taken")
	}
}

// TestRevoke: by name and by number, and no others.
func TestRevoke(t *testing.T) {
	ca, dir := newCA(t)
	issue := func(name string) *pki.Issued {
		i, err := ca.IssueClient(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	a1, a2, b, both := issue("alice"), issue("alice"), issue("bob"), issue("node")
	if _, err := ca.IssueServer([]string{"node"}, nil, 0); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"carol", "ali", "", "ffff"} {
		if _, err := ca.Revoke("bob", what); !errors.Is(err, fault.NotIssued) {
			t.Errorf("%q: %v", what, err)
		}
	}
	if _, err := ca.Revoke("node"); err == nil || errors.Is(err, fault.NotIssued) {
		t.Errorf("a name of two: %v", err)
	}
	got, err := ca.Revoke("alice", a1.Number)
	if err != nil || len(got) != 2 || got[0].State != pki.Revoked {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ca.Revoke(both.Number); err != nil {
		t.Error(err)
	}
	if _, err := ca.Revoke(a2.Number); !errors.Is(err, fault.NotIssued) {
		t.Errorf("twice: %v", err)
	}
	again, err := pki.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	list, err := again.List()
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]pki.State{}
	for _, r := range list {
		states[r.Number] = r.State
		if (r.State == pki.Revoked) == r.RevokedAt.IsZero() {
			t.Errorf("%+v", r)
		}
	}
	for i, want := range map[*pki.Issued]pki.State{a1: pki.Revoked, a2: pki.Revoked, b: pki.Valid, both: pki.Revoked} {
		if states[i.Number] != want {
			t.Errorf("%v is %s, want %s", i.Names, states[i.Number], want)
		}
	}
	if next := issue("alice"); next.State != pki.Valid {
		t.Errorf("%+v", next)
	}
}

// lists reads the list as an agent does.
func lists(t *testing.T, ca *pki.CA) *revocation.List {
	t.Helper()
	cert, err := os.ReadFile(ca.CertFile())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(ca.ListFile())
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, cert)
	l, err := revocation.Parse(text, []*x509.Certificate{c})
	if err != nil {
		t.Fatal(err)
	}
	return l.Of(c)
}

// TestList: its number rises whatever the clock says, it counts for 90 days from the last change,
// and what expired long ago is forgotten.
func TestList(t *testing.T) {
	ca, dir := newCA(t)
	now := time.Now()
	pki.SetClock(ca, func() time.Time { return now })
	number := lists(t, ca).Number
	rises := func() {
		t.Helper()
		l := lists(t, ca)
		if l.Number.Cmp(number) <= 0 {
			t.Errorf("the number %d follows %d", l.Number, number)
		}
		number = l.Number
		if life := l.Next.Sub(now).Round(time.Minute); life != 90*day {
			t.Errorf("it counts for %v", life)
		}
	}
	user, err := ca.IssueClient("alice", day)
	if err != nil {
		t.Fatal(err)
	}
	rises()
	for _, d := range []time.Duration{0, day, -100 * day, 100 * day} {
		now = now.Add(d)
		if _, err := ca.Revoke(); err != nil {
			t.Fatal(err)
		}
		rises()
	}
	now = now.Add(-day)
	if _, err := ca.Revoke(user.Number); err != nil {
		t.Fatal(err)
	}
	rises()
	if n := len(lists(t, ca).Entries); n != 1 {
		t.Errorf("%d are in it", n)
	}
	if err := os.WriteFile(dir+"/issued/.new-x-1", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(92 * day)
	if _, err := ca.Revoke(); err != nil {
		t.Fatal(err)
	}
	left, _ := os.ReadDir(dir + "/issued")
	if n := len(lists(t, ca).Entries); n != 0 || len(left) != 0 {
		t.Errorf("%d are in it, and %v is there", n, left)
	}
}

// TestAtOnce: of what several processes revoke at once, all is.
func TestAtOnce(t *testing.T) {
	ca, dir := newCA(t)
	var numbers []string
	for range 16 {
		i, err := ca.IssueClient("alice", 0)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, i.Number)
	}
	var under sync.WaitGroup
	for _, n := range numbers {
		under.Go(func() {
			own, err := pki.Open(dir)
			if err == nil {
				_, err = own.Revoke(n)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	under.Wait()
	if n := len(lists(t, ca).Entries); n != len(numbers) {
		t.Errorf("%d of %d are revoked", n, len(numbers))
	}
}

// TestForeignRecord: what is not the CA's is no record of it.
func TestForeignRecord(t *testing.T) {
	ca, dir := newCA(t)
	other, _ := newCA(t)
	i, err := other.IssueClient("alice", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "issued", i.Number+".crt"), i.Cert, 0o600); err != nil {
		t.Fatal(err)
	}
	if list, err := ca.List(); err == nil {
		t.Errorf("%+v", list)
	}
}
