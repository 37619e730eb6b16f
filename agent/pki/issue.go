package pki

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"dlx/agent/identity"
	"dlx/internal/outfile"
	"dlx/internal/pemfile"
)

// Issued is a new certificate, as PEM, and its private key (PKCS #8), which is nowhere else.
type Issued struct {
	Record
	Cert, Key []byte
}

// IssueClient makes a certificate for the user of a name (identity.CheckName). It is for users
// alone. A lifetime of 0 is 30 days; none is longer than 398 days or than the CA's own.
func (c *CA) IssueClient(name string, lifetime time.Duration) (*Issued, error) {
	uri, err := identity.URI(name)
	if err != nil {
		return nil, err
	}
	return c.issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		URIs:        []*url.URL{uri},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, lifetime, clientLifetime)
}

// IssueServer makes a certificate for the agent of a host, which has names, addresses or both. It
// is for agents alone. A lifetime of 0 is 90 days; none is longer than 398 days or than the CA's.
func (c *CA) IssueServer(names []string, addresses []netip.Addr, lifetime time.Duration) (*Issued, error) {
	if err := checkHost(names, addresses); err != nil {
		return nil, err
	}
	template := &x509.Certificate{DNSNames: names, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, a := range addresses {
		template.IPAddresses = append(template.IPAddresses, net.IP(a.Unmap().AsSlice()))
	}
	for _, name := range hostNames(template) {
		if len(name) <= maxCommonName {
			template.Subject.CommonName = name // for people
			break
		}
	}
	return c.issue(template, lifetime, serverLifetime)
}

// issue signs a certificate for a new key. The record is on the disk before anybody has it.
func (c *CA) issue(template *x509.Certificate, lifetime, usual time.Duration) (*Issued, error) {
	if lifetime == 0 {
		lifetime = usual
	}
	now := c.now()
	switch {
	case lifetime < time.Minute || lifetime > maxLifetime:
		return nil, fmt.Errorf("issue a certificate: it can last for a minute to %d days, not %v", maxLifetime/day, lifetime)
	case now.After(c.cert.NotAfter):
		return nil, fmt.Errorf("issue a certificate: the CA's own expired at %s", c.cert.NotAfter.UTC().Format(time.RFC3339))
	}
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	template.SerialNumber = newNumber()
	template.NotBefore = latest(now.Add(-skew), c.cert.NotBefore)
	template.NotAfter = earliest(now.Add(lifetime), c.cert.NotAfter)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, template, c.cert, public, c.key)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	issued := &Issued{record(cert, now), pemfile.Encode(pemfile.Certificate, der), pemfile.Encode(pemfile.PrivateKey, secret)}
	if err := c.keep(issued); err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	return issued, nil
}

// keep writes the record of a certificate, and signs the list anew, so that it counts longer.
func (c *CA) keep(i *Issued) error {
	return c.change(func(s *state) error {
		if len(s.certs) >= maxIssued {
			return fmt.Errorf("%s has %d certificates already", c.path(issuedName), len(s.certs))
		}
		d, err := outfile.Own(c.path(issuedName))
		if err != nil {
			return err
		}
		return closing(d, d.New(i.Number+certSuffix, 0o644, i.Cert))
	})
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
