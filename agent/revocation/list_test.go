package revocation_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"dlx/agent/revocation"
	"dlx/internal/pemfile"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

type authority struct {
	cert *x509.Certificate
	key  ed25519.PrivateKey
}

// newAuthority makes a CA with a seed for a key, whose certificate is the same each time.
func newAuthority(t testing.TB, name string, seed byte, usage x509.KeyUsage) *authority {
	t.Helper()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(seed)), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: usage, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(1000 * time.Hour), SubjectKeyId: []byte{seed},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

const signs = x509.KeyUsageCertSign | x509.KeyUsageCRLSign

// list is a list in which the number 7 is revoked.
func (a *authority) list(t testing.TB, number int64, change func(*x509.RevocationList)) []byte {
	t.Helper()
	template := &x509.RevocationList{
		Number: big.NewInt(number), ThisUpdate: now, NextUpdate: now.Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(7), RevocationTime: now}},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, a.cert, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return pemfile.Encode(pemfile.List, der)
}

func TestParse(t *testing.T) {
	a, b := newAuthority(t, "a", 1, signs), newAuthority(t, "b", 2, signs)
	same := newAuthority(t, "a", 3, signs)
	cas := []*x509.Certificate{a.cert, b.cert}
	partial := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 0x03, 0x81, 0x01, 0xff}}
	good := a.list(t, 1, nil)
	damaged := bytes.Clone(good)
	damaged[len(damaged)-60] ^= 3
	for name, tt := range map[string]struct {
		text []byte
		want string // in the error
	}{
		"one":                   {good, ""},
		"two":                   {append(b.list(t, 9, nil), good...), ""},
		"none":                  {nil, "no PEM block"},
		"of another CA":         {newAuthority(t, "c", 4, signs).list(t, 1, nil), "another CA"},
		"of a CA with the name": {same.list(t, 1, nil), "verification"},
		"one of another CA":     {append(same.list(t, 1, nil), good...), "verification"},
		"two of a CA":           {append(a.list(t, 2, nil), good...), "two lists"},
		"cut off":               {good[:len(good)-30], "not whole"},
		"one cut off":           {append(bytes.Clone(good), b.list(t, 1, nil)[:100]...), "not whole"},
		"a part":                {a.list(t, 1, func(l *x509.RevocationList) { l.ExtraExtensions = []pkix.Extension{partial} }), "critical"},
		"for others": {a.list(t, 1, func(l *x509.RevocationList) {
			l.RevokedCertificateEntries[0].ExtraExtensions = []pkix.Extension{partial}
		}), "critical"},
		"another block": {pemfile.Encode(pemfile.Certificate, a.cert.Raw), "instead of"},
		"too long":      {bytes.Repeat([]byte("\n"), revocation.MaxBytes+1), "more than"},
	} {
		lists, err := revocation.Parse(tt.text, cas)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		if err == nil && (lists.Of(a.cert) == nil || lists.Of(a.cert).Number.Int64() != 1 || lists.Of(same.cert) != nil) {
			t.Errorf("%s: %+v", name, lists)
		}
	}
	if _, err := revocation.Parse(damaged, cas); err == nil {
		t.Error("a damaged one is taken")
	}
	if _, err := revocation.Parse(good, []*x509.Certificate{newAuthority(t, "a", 1, x509.KeyUsageCertSign).cert}); err == nil {
		t.Error("one of a CA that signs no lists is taken")
	}
	if _, err := revocation.Parse(bare(t, a, false, true), cas); err == nil || !strings.Contains(err.Error(), "number") {
		t.Errorf("one without a number: %v", err)
	}
	if _, err := revocation.Parse(bare(t, a, true, false), cas); err == nil || !strings.Contains(err.Error(), "until when") {
		t.Errorf("one without an end: %v", err)
	}
}

// bare signs a list that x509 would not make.
func bare(t *testing.T, a *authority, number, next bool) []byte {
	t.Helper()
	type algorithm struct{ ID asn1.ObjectIdentifier }
	type tbs struct {
		Version    int
		Signature  algorithm
		Issuer     asn1.RawValue
		ThisUpdate time.Time
		NextUpdate time.Time        `asn1:"optional"`
		Extensions []pkix.Extension `asn1:"tag:0,optional,explicit"`
	}
	ed := algorithm{asn1.ObjectIdentifier{1, 3, 101, 112}}
	l := tbs{Version: 1, Signature: ed, Issuer: asn1.RawValue{FullBytes: a.cert.RawSubject}, ThisUpdate: now}
	if next {
		l.NextUpdate = now.Add(time.Hour)
	}
	if number {
		l.Extensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 20}, Value: []byte{2, 1, 1}}}
	}
	der, err := asn1.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := asn1.Marshal(struct {
		TBS       asn1.RawValue
		Signature algorithm
		Value     asn1.BitString
	}{asn1.RawValue{FullBytes: der}, ed, asn1.BitString{Bytes: ed25519.Sign(a.key, der), BitLength: 512}})
	if err != nil {
		t.Fatal(err)
	}
	return pemfile.Encode(pemfile.List, whole)
}

func TestCheck(t *testing.T) {
	root, mid := newAuthority(t, "root", 1, signs), newAuthority(t, "mid", 2, signs)
	mid.cert.RawIssuer = root.cert.RawSubject // as one that root has signed
	cert := func(number int64) *x509.Certificate { return &x509.Certificate{SerialNumber: big.NewInt(number)} }
	parse := func(texts ...[]byte) *revocation.Lists {
		l, err := revocation.Parse(bytes.Join(texts, nil), []*x509.Certificate{root.cert, mid.cert})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	both := parse(root.list(t, 1, nil), mid.list(t, 1, nil))
	ends := parse(root.list(t, 1, nil), mid.list(t, 1, func(l *x509.RevocationList) { l.NextUpdate = now.Add(time.Minute) }))
	midGone := parse(mid.list(t, 1, nil), root.list(t, 1, func(l *x509.RevocationList) { l.RevokedCertificateEntries[0].SerialNumber = mid.cert.SerialNumber }))
	for name, tt := range map[string]struct {
		lists *revocation.Lists
		chain []*x509.Certificate
		after time.Duration
		want  error
	}{
		"good":                       {both, []*x509.Certificate{cert(8), mid.cert, root.cert}, 0, nil},
		"revoked":                    {both, []*x509.Certificate{cert(7), mid.cert, root.cert}, 0, revocation.ErrRevoked},
		"to the last moment":         {both, []*x509.Certificate{cert(8), root.cert}, time.Hour, nil},
		"expired":                    {both, []*x509.Certificate{cert(8), root.cert}, time.Hour + time.Second, revocation.ErrExpired},
		"one expired":                {ends, []*x509.Certificate{cert(8), mid.cert, root.cert}, time.Minute + time.Second, revocation.ErrExpired},
		"another expired":            {ends, []*x509.Certificate{cert(8), root.cert}, time.Minute + time.Second, nil},
		"no list":                    {parse(root.list(t, 1, nil)), []*x509.Certificate{cert(8), mid.cert, root.cert}, 0, revocation.ErrNoList},
		"its CA revoked":             {midGone, []*x509.Certificate{cert(8), mid.cert, root.cert}, 0, revocation.ErrRevoked},
		"its CA revoked, the anchor": {midGone, []*x509.Certificate{cert(8), mid.cert}, 0, revocation.ErrRevoked},
	} {
		if err := tt.lists.Check(tt.chain, now.Add(tt.after)); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	for _, chain := range [][]*x509.Certificate{nil, {cert(8)}} {
		if both.Check(chain, now) == nil {
			t.Errorf("a chain of %d is taken", len(chain))
		}
	}
	if err := parse(root.list(t, 2, nil)).Follow(both); err != nil {
		t.Error(err)
	}
	if err := both.Follow(parse(root.list(t, 2, nil))); err == nil {
		t.Error("an older list follows")
	}
	if err := errors.Join(both.Expired(now), both.Follow(both)); err != nil {
		t.Error(err)
	}
	if err := ends.Expired(now.Add(30 * time.Minute)); !errors.Is(err, revocation.ErrExpired) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	a, b := newAuthority(f, "a", 1, signs), newAuthority(f, "b", 2, signs)
	f.Add(a.list(f, 1, nil))
	f.Add(append(a.list(f, 1, nil), b.list(f, 1, nil)...))
	f.Add(newAuthority(f, "a", 3, signs).list(f, 1, nil))
	f.Add([]byte("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"))
	chain := []*x509.Certificate{{SerialNumber: big.NewInt(7)}, a.cert}
	f.Fuzz(func(t *testing.T, text []byte) {
		lists, err := revocation.Parse(text, []*x509.Certificate{a.cert, b.cert})
		if err != nil {
			return
		}
		// Nobody else can sign: what is taken is what was, and 7 is revoked.
		if err := lists.Check(chain, now); lists.Of(a.cert) != nil && !errors.Is(err, revocation.ErrRevoked) || err == nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// FuzzParseDER is FuzzParse without the text around it, and with any signature.
func FuzzParseDER(f *testing.F) {
	a := newAuthority(f, "a", 1, signs)
	blocks, err := pemfile.Blocks(a.list(f, 1, nil), pemfile.List, 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(blocks[0])
	f.Fuzz(func(_ *testing.T, der []byte) {
		_, _ = revocation.Parse(pemfile.Encode(pemfile.List, der), []*x509.Certificate{a.cert}) // it returns
	})
}
