package tlsid

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"dlx/agent/identity"
	"dlx/agent/revocation"
)

// protocol is HTTP/2's (RFC 9113, 3.1), which is all that an agent speaks.
const protocol = "h2"

// snapshot is what the files said when they were read.
type snapshot struct {
	pair  *tls.Certificate
	roots *x509.CertPool
	lists *revocation.Lists // nil: a client without
}

func load(f *Files, own *role) (*snapshot, error) {
	pair, err := f.readPair(own)
	if err != nil {
		return nil, err
	}
	cas, err := f.readCAs()
	if err != nil {
		return nil, err
	}
	s := &snapshot{pair: pair, roots: x509.NewCertPool()}
	for _, ca := range cas {
		s.roots.AddCert(ca)
	}
	if f.CRL != "" || own == agents {
		if s.lists, err = f.readLists(cas); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// met says whether a handshake was one that is taken, whose chains TLS has verified.
func (s *snapshot) met(state *tls.ConnectionState, other *role, now time.Time) error {
	switch {
	case state.Version != tls.VersionTLS13:
		return fmt.Errorf("%s instead of TLS 1.3", tls.VersionName(state.Version))
	case state.DidResume:
		return errors.New("a session that is resumed")
	case state.NegotiatedProtocol != protocol:
		return fmt.Errorf("the protocol %.20q instead of %q", state.NegotiatedProtocol, protocol)
	}
	return s.admit(state.VerifiedChains, other, now)
}

// admit says whether the leaf of verified chains is let in. It has to be good by each chain: who
// adds certificates to get one more chain gains nothing.
func (s *snapshot) admit(chains [][]*x509.Certificate, other *role, now time.Time) error {
	if len(chains) == 0 || len(chains[0]) == 0 {
		return errors.New("nobody has vouched for the certificate")
	}
	leaf := chains[0][0]
	if err := other.check(leaf); err != nil {
		return err
	}
	if other == users {
		if _, err := identity.InCertificate(leaf); err != nil {
			return fmt.Errorf("the certificate of %s: %w", leaf.Subject, err)
		}
	}
	if s.lists == nil {
		return nil
	}
	for _, chain := range chains {
		if err := s.lists.Check(chain, now); err != nil {
			return fmt.Errorf("the certificate of %s: %w", leaf.Subject, err)
		}
	}
	return nil
}

// verify is what TLS does with a client's certificates, for those that it took by another snapshot.
func (s *snapshot) verify(certs []*x509.Certificate, now time.Time) ([][]*x509.Certificate, error) {
	if len(certs) == 0 {
		return nil, errors.New("nobody has shown a certificate")
	}
	o := x509.VerifyOptions{
		Roots: s.roots, Intermediates: x509.NewCertPool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, c := range certs[1:] {
		o.Intermediates.AddCert(c)
	}
	return certs[0].Verify(o)
}
