package pki

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"dlx/agent/identity"
	"dlx/agent/revocation"
	"dlx/toolbox"
)

// Kind is whose a certificate is.
type Kind string

// The kinds.
const (
	User Kind = "user"
	Host Kind = "host"
)

// State is what a certificate is good for now.
type State string

// The states.
const (
	Valid   State = "valid"
	Expired State = "expired"
	Revoked State = "revoked"
)

// Record is a certificate that was issued.
type Record struct {
	Number    string    `json:"number"` // its serial number, hexadecimal, 32 digits
	Kind      Kind      `json:"kind"`
	Names     []string  `json:"names"` // the user's one, or the host's names and addresses
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	State     State     `json:"state"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
}

func record(cert *x509.Certificate, now time.Time) Record {
	r := Record{Number: numberText(cert.SerialNumber), Kind: Host, Names: hostNames(cert), NotBefore: cert.NotBefore, NotAfter: cert.NotAfter, State: Valid}
	if name, err := identity.InCertificate(cert); err == nil {
		r.Kind, r.Names = User, []string{name}
	}
	if now.After(cert.NotAfter) {
		r.State = Expired
	}
	return r
}

// maxIssued bounds the certificates that a CA has at a time.
const maxIssued = 20_000

// List returns what was issued, by name and then by age. What expired more than 90 days ago has
// been forgotten, at the latest by what was issued or revoked since.
func (c *CA) List() ([]Record, error) {
	s, err := c.read()
	if err != nil {
		return nil, fmt.Errorf("list certificates: %w", err)
	}
	return s.records(c.now()), nil
}

// state is what a CA has done.
type state struct {
	certs []*x509.Certificate
	list  *revocation.List
}

// read reads it.
func (c *CA) read() (*state, error) {
	list, err := c.readList()
	if err != nil {
		return nil, err
	}
	s := &state{list: list}
	if err := toolbox.CheckOwners(c.path(issuedName)); err != nil {
		return nil, err
	}
	names, err := os.ReadDir(c.path(issuedName))
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		number, ok := strings.CutSuffix(n.Name(), certSuffix)
		if !ok || strings.HasPrefix(n.Name(), ".") {
			continue
		}
		cert, err := readCert(c.path(issuedName, n.Name()))
		if err != nil {
			return nil, err
		}
		if numberText(cert.SerialNumber) != number || cert.CheckSignatureFrom(c.cert) != nil {
			return nil, fmt.Errorf("%s is not what this CA has issued", c.path(issuedName, n.Name()))
		}
		s.certs = append(s.certs, cert)
	}
	return s, nil
}

func (s *state) records(now time.Time) []Record {
	at := map[string]time.Time{}
	for i := range s.list.Entries {
		at[numberText(s.list.Entries[i].SerialNumber)] = s.list.Entries[i].RevocationTime
	}
	list := make([]Record, 0, len(s.certs))
	for _, cert := range s.certs {
		r := record(cert, now)
		if when, ok := at[r.Number]; ok {
			r.State, r.RevokedAt = Revoked, when
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b Record) int {
		return cmp.Or(slices.Compare(a.Names, b.Names), a.NotBefore.Compare(b.NotBefore), cmp.Compare(a.Number, b.Number))
	})
	return list
}
