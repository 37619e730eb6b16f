package tlsid

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"

	"dlx/agent/identity"
)

// Config is for a listener. Each handshake takes what the files say by then.
func (r *Reloader) Config() *tls.Config {
	c := r.config(nil)
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return r.config(r.current()), nil }
	return c
}

// config lets in whom a snapshot vouches for, nobody without one.
func (r *Reloader) config(s *snapshot) *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{protocol},
		ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs:  x509.NewCertPool(), // nil would be the system's
		Time:       r.now,
		// A resumed session has its certificate from an earlier handshake (RFC 8446, 4.6.1), whose
		// holder proves nothing again, and whose chains are those of the CAs of that time.
		SessionTicketsDisabled: true,
		VerifyConnection:       func(tls.ConnectionState) error { return errors.New("no certificates were read") },
	}
	if s != nil {
		c.ClientCAs = s.roots
		c.Certificates = []tls.Certificate{*s.pair}
		c.VerifyConnection = func(state tls.ConnectionState) error { return s.met(&state, users, r.now()) }
	}
	return c
}

// StillValid says whether who has made a connection would be let in now, by the files and the time
// of now. Errors are revocation's, x509's and those of a handshake.
func (r *Reloader) StillValid(state *tls.ConnectionState) error {
	if err := handshaken(state); err != nil {
		return err
	}
	s := r.current()
	chains, err := s.verify(state.PeerCertificates, r.now())
	if err != nil {
		return fmt.Errorf("the certificate of %s: %w", state.PeerCertificates[0].Subject, err)
	}
	return s.admit(chains, users, r.now())
}

// handshaken wants a connection to be one that a Config has let in.
func handshaken(state *tls.ConnectionState) error {
	if state == nil || !state.HandshakeComplete || state.Version != tls.VersionTLS13 || len(state.VerifiedChains) == 0 || len(state.PeerCertificates) == 0 {
		return errors.New("no certificate was shown and verified")
	}
	return nil
}

// Caller is who has made a connection that a Config has let in; from is the other end's address.
// The user has no number on this machine: UID is identity.NoUser.
func Caller(state *tls.ConnectionState, from string) (*identity.Caller, error) {
	if err := handshaken(state); err != nil {
		return nil, err
	}
	name, err := identity.InCertificate(state.PeerCertificates[0])
	if err != nil {
		return nil, fmt.Errorf("the certificate of %s: %w", state.PeerCertificates[0].Subject, err)
	}
	uri, err := identity.URI(name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(state.PeerCertificates[0].Raw)
	return &identity.Caller{
		Known: identity.Certificate, Name: name, From: from, UID: identity.NoUser, SANs: []string{"URI:" + uri.String()}, Key: "sha256:" + hex.EncodeToString(sum[:]),
	}, nil
}

// Kept is the state of a connection that a Config had let in, by the certificates that its client
// showed. It says nothing of whether they are valid still.
func Kept(certificates [][]byte) (*tls.ConnectionState, error) {
	state := &tls.ConnectionState{HandshakeComplete: true, Version: tls.VersionTLS13}
	for _, der := range certificates {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("read a certificate that was kept: %w", err)
		}
		state.PeerCertificates = append(state.PeerCertificates, c)
	}
	state.VerifiedChains = [][]*x509.Certificate{state.PeerCertificates}
	return state, nil
}
