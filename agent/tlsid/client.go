package tlsid

import (
	"crypto/tls"
	"errors"
	"time"
)

// ClientConfig reads a user's files, of which CRL can be empty, and is for connections to the agent
// of a host: its certificate has to have that name, or that address, among its alternative names.
// Errors are of package fault, also that the user's own certificate has expired.
func ClientConfig(f Files, host string) (*tls.Config, error) {
	if host == "" {
		return nil, errors.New("connect to an agent: no name of its host")
	}
	s, err := load(&f, users)
	if err != nil {
		return nil, err
	}
	switch leaf, now := s.pair.Leaf, time.Now(); {
	case now.After(leaf.NotAfter):
		return nil, bad(f.Cert, "the certificate expired at %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return nil, bad(f.Cert, "the certificate is valid from %s on", leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{protocol},
		RootCAs:    s.roots,
		ServerName: host,
		// Also to an agent that asks for another CA's, which then says what it does not like.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return s.pair, nil },
		VerifyConnection:     func(state tls.ConnectionState) error { return s.met(&state, agents, time.Now()) },
	}, nil
}
