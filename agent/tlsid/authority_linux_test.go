package tlsid_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dlx/agent/tlsid"
	"dlx/internal/pemfile"
)

// authority is a CA that makes whatever it is asked for.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  ed25519.PrivateKey
	up   *authority // nil: a root
}

var numbers int64

func newAuthority(t testing.TB, up *authority, name string) *authority {
	t.Helper()
	a := &authority{t: t, up: up}
	signer := up
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true,
	}
	if up == nil {
		signer = &authority{t: t, cert: template}
	}
	a.cert, a.key = signer.sign(template)
	return a
}

// sign makes a certificate of a template, for a new key; one without a key signs for itself.
func (a *authority) sign(template *x509.Certificate) (*x509.Certificate, ed25519.PrivateKey) {
	a.t.Helper()
	numbers++
	template.SerialNumber = big.NewInt(numbers)
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(1000*time.Hour)
	}
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		a.t.Fatal(err)
	}
	parent, with := a.cert, a.key
	if with == nil {
		parent, with = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, with)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		cert = &x509.Certificate{Raw: der, SerialNumber: template.SerialNumber} // as some are meant to be
	}
	return cert, key
}

// leaf makes a certificate for a user with URIs, changed.
func (a *authority) leaf(change func(*x509.Certificate), uris ...string) tls.Certificate {
	a.t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "leaf"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	var names []asn1.RawValue
	for _, u := range uris {
		names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 6, Bytes: []byte(u)})
	}
	der, err := asn1.Marshal(names)
	if err != nil {
		a.t.Fatal(err)
	}
	if len(uris) > 0 {
		template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: der}}
	}
	if change != nil {
		change(template)
	}
	cert, key := a.sign(template)
	pair := tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
	for at := a; at.up != nil; at = at.up {
		pair.Certificate = append(pair.Certificate, at.cert.Raw)
	}
	return pair
}

// server makes a certificate for an agent.
func (a *authority) server(change func(*x509.Certificate)) tls.Certificate {
	return a.leaf(func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		c.DNSNames, c.IPAddresses = []string{"node.test"}, []net.IP{net.IPv4(127, 0, 0, 1)}
		if change != nil {
			change(c)
		}
	})
}

// list signs a list that counts for a day.
func (a *authority) list(number int64, change func(*x509.RevocationList), revoked ...*x509.Certificate) []byte {
	a.t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(24 * time.Hour)}
	for _, c := range revoked {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: time.Now()})
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, a.cert, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return pemfile.Encode(pemfile.List, der)
}

func (a *authority) pem() []byte { return pemfile.Encode(pemfile.Certificate, a.cert.Raw) }

// put replaces a file of a folder as a whole.
func put(t testing.TB, name string, mode os.FileMode, texts ...[]byte) string {
	t.Helper()
	var all []byte
	for _, text := range texts {
		all = append(all, text...)
	}
	err := os.WriteFile(name+".new", all, mode)
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// files writes a certificate and what its holder trusts.
func files(t *testing.T, own tls.Certificate, ca, crl []byte) tlsid.Files {
	t.Helper()
	return filesIn(t, t.TempDir(), own, ca, crl)
}

func filesIn(t testing.TB, dir string, own tls.Certificate, ca, crl []byte) tlsid.Files {
	t.Helper()
	f := tlsid.Files{CA: put(t, filepath.Join(dir, "ca.crt"), 0o644, ca)}
	if crl != nil {
		f.CRL = put(t, filepath.Join(dir, "crl.pem"), 0o644, crl)
	}
	f.Cert, f.Key = filepath.Join(dir, "own.crt"), filepath.Join(dir, "own.key")
	putPair(t, &f, own)
	return f
}

func putPair(t testing.TB, f *tlsid.Files, own tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	put(t, f.Key, 0o600, pemfile.Encode(pemfile.PrivateKey, key))
	var chain [][]byte
	for _, der := range own.Certificate {
		chain = append(chain, pemfile.Encode(pemfile.Certificate, der))
	}
	put(t, f.Cert, 0o644, chain...)
}
