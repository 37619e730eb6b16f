package revocation

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"

	"dlx/internal/pemfile"
)

// MaxBytes and maxLists bound what is read: some 100,000 certificates.
const (
	MaxBytes = 4 << 20
	maxLists = 16
)

// List is a CA's. It counts until Next; what is in it after that nobody has said.
type List struct {
	Issuer  string
	Number  *big.Int // a later list has a higher one
	Updated time.Time
	Next    time.Time
	Entries []x509.RevocationListEntry

	issuer  issuer
	revoked map[string]time.Time
}

// issuer is a CA: its name and its key. A renewed certificate of it has the same of both.
type issuer struct{ subject, key string }

func issuerOf(ca *x509.Certificate) issuer {
	return issuer{string(ca.RawSubject), string(ca.RawSubjectPublicKeyInfo)}
}

// Lists are those of several CAs.
type Lists struct {
	all map[issuer]*List
}

// Parse reads lists as PEM, each of which one of the CAs has signed. Any that can not be used in
// whole is an error: what it has left out could be what was revoked.
func Parse(text []byte, cas []*x509.Certificate) (*Lists, error) {
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("lists of more than %d bytes", MaxBytes)
	}
	blocks, err := pemfile.Blocks(text, pemfile.List, maxLists)
	if err != nil {
		return nil, err
	}
	l := &Lists{all: map[issuer]*List{}}
	for _, der := range blocks {
		list, err := parse(der, cas)
		if err != nil {
			return nil, err
		}
		if l.all[list.issuer] != nil {
			return nil, fmt.Errorf("two lists of %s", list.Issuer)
		}
		l.all[list.issuer] = list
	}
	return l, nil
}

// parse reads one list.
func parse(der []byte, cas []*x509.Certificate) (*List, error) {
	raw, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, err
	}
	ca, err := signer(raw, cas)
	if err != nil {
		return nil, err
	}
	if err := whole(raw); err != nil {
		return nil, fmt.Errorf("the list of %s: %w", raw.Issuer, err)
	}
	l := &List{
		Issuer: raw.Issuer.String(), Number: raw.Number, Updated: raw.ThisUpdate, Next: raw.NextUpdate, Entries: raw.RevokedCertificateEntries,
		issuer: issuerOf(ca), revoked: make(map[string]time.Time, len(raw.RevokedCertificateEntries)),
	}
	for i := range l.Entries {
		l.revoked[serial(l.Entries[i].SerialNumber)] = l.Entries[i].RevocationTime
	}
	return l, nil
}

func serial(n *big.Int) string { return n.Text(16) }

// signer is the CA among some that has signed a list.
func signer(raw *x509.RevocationList, cas []*x509.Certificate) (*x509.Certificate, error) {
	err := errors.New("it is of another CA")
	for _, ca := range cas {
		if !bytes.Equal(raw.RawIssuer, ca.RawSubject) {
			continue
		}
		if err = raw.CheckSignatureFrom(ca); err == nil {
			return ca, nil
		}
	}
	return nil, fmt.Errorf("the list of %s: %w", raw.Issuer, err)
}

// whole wants a list to be all that its CA has to say: RFC 5280, 5.2.4 and 5.2.5, has lists of
// changes and of a part of the certificates, and marks them by critical extensions.
func whole(raw *x509.RevocationList) error {
	switch {
	case raw.NextUpdate.IsZero():
		return errors.New("it does not say until when it counts")
	case raw.Number == nil:
		return errors.New("it has no number")
	case critical(raw.Extensions):
		return errors.New("it has a critical extension, and is not all that is revoked")
	}
	for i := range raw.RevokedCertificateEntries {
		if critical(raw.RevokedCertificateEntries[i].Extensions) {
			return errors.New("an entry of it has a critical extension, and may be about another CA's certificate")
		}
	}
	return nil
}

func critical(extensions []pkix.Extension) bool {
	for _, e := range extensions {
		if e.Critical {
			return true
		}
	}
	return false
}
