package tlsid

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"dlx/agent/identity"
	"dlx/agent/revocation"
	"dlx/fault"
	"dlx/internal/pemfile"
	"dlx/toolbox"
)

// Files are paths of PEM files. They belong to root or to who runs dlx, as do all folders that lead
// there, and nobody else may write to any, nor read the key.
type Files struct {
	Cert string // this end's, with the intermediate CAs that lead to the other end's CA
	Key  string // PKCS #8, PKCS #1 or SEC 1
	CA   string // CAs whose certificates the other end may have, those between them included
	CRL  string // their lists of revoked certificates; a client can do without
}

func (f *Files) all() [4]string { return [4]string{f.Cert, f.Key, f.CA, f.CRL} }

// Bounds of what is read.
const (
	maxFile = 1 << 20 // bytes
	maxCAs  = 64
	maxPath = 16 // certificates of this end
)

// role is which end a certificate is good for (RFC 5280, 4.2.1.12).
type role struct {
	name       string
	own, other x509.ExtKeyUsage
}

var (
	agents = &role{"an agent", x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	users  = &role{"a user", x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
)

// check wants a certificate to be for this end alone. x509.Verify takes one that names no purpose,
// or any, for all; and a CA's own key is for signing only.
func (r *role) check(leaf *x509.Certificate) error {
	own := false
	for _, usage := range leaf.ExtKeyUsage {
		own = own || usage == r.own
		if usage == r.other || usage == x509.ExtKeyUsageAny {
			return fmt.Errorf("the certificate is not for %s alone", r.name)
		}
	}
	switch {
	case !own:
		return fmt.Errorf("the certificate is not for %s", r.name)
	case leaf.IsCA:
		return fmt.Errorf("the certificate is a CA's, and not %s's", r.name)
	}
	return nil
}

// readFile reads one of the files.
func readFile(name string, limit int64, read func(string, int64) ([]byte, error)) ([]byte, error) {
	if err := toolbox.CheckOwners(name); err != nil {
		return nil, err
	}
	return read(name, limit)
}

func bad(name, format string, args ...any) error {
	return fault.New(fault.BadCertificate, name, name+": "+format, args...)
}

// readPair reads this end's certificate and key. Errors are fault.BadCertificate, and pemfile's.
func (f *Files) readPair(r *role) (*tls.Certificate, error) {
	text, err := readFile(f.Cert, maxFile, pemfile.Read)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	if _, err := pemfile.Blocks(text, pemfile.Certificate, maxPath); err != nil {
		return nil, bad(f.Cert, "%w", err)
	}
	key, err := readFile(f.Key, maxFile, pemfile.ReadSecret)
	if err != nil {
		return nil, fmt.Errorf("read the certificate's key: %w", err)
	}
	pair, err := tls.X509KeyPair(text, key) // which compares them, and parses the leaf
	if err != nil {
		return nil, bad(f.Cert, "%w", err)
	}
	if err := r.check(pair.Leaf); err != nil {
		return nil, bad(f.Cert, "%w", err)
	}
	if r == users {
		if _, err := identity.InCertificate(pair.Leaf); err != nil {
			return nil, bad(f.Cert, "%w", err)
		}
	}
	return &pair, nil
}

// readCAs reads the CAs that are trusted. A certificate that is no CA's is an error: as an anchor,
// it would vouch for itself.
func (f *Files) readCAs() (list []*x509.Certificate, err error) {
	text, err := readFile(f.CA, maxFile, pemfile.Read)
	if err != nil {
		return nil, fmt.Errorf("read the CA: %w", err)
	}
	blocks, err := pemfile.Blocks(text, pemfile.Certificate, maxCAs)
	if err != nil {
		return nil, bad(f.CA, "%w", err)
	}
	for _, der := range blocks {
		ca, err := x509.ParseCertificate(der)
		switch {
		case err != nil:
			return nil, bad(f.CA, "%w", err)
		case !ca.BasicConstraintsValid || !ca.IsCA || ca.KeyUsage&x509.KeyUsageCertSign == 0:
			return nil, bad(f.CA, "the certificate of %s is no CA's", ca.Subject)
		}
		list = append(list, ca)
	}
	return list, nil
}

// readLists reads the lists of revoked certificates.
func (f *Files) readLists(cas []*x509.Certificate) (*revocation.Lists, error) {
	text, err := readFile(f.CRL, revocation.MaxBytes, pemfile.Read)
	if err != nil {
		return nil, fmt.Errorf("read which certificates are revoked: %w", err)
	}
	lists, err := revocation.Parse(text, cas)
	if err != nil {
		return nil, bad(f.CRL, "%w", err)
	}
	return lists, nil
}
