package pki

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dlx/agent/revocation"
	"dlx/fault"
	"dlx/internal/outfile"
	"dlx/internal/pemfile"
)

// forgetAfter is how long an expired certificate stays in the list, and its record on the disk.
const forgetAfter = 90 * day

// Revoke ends certificates, by their numbers or by the names in them: all valid ones that have one.
// It returns them. Nothing of a name or number is fault.NotIssued, and then nothing is revoked.
// Without any, the list is signed anew. Agents learn of it with the file, ListFile.
func (c *CA) Revoke(what ...string) (revoked []Record, err error) {
	err = c.change(func(s *state) error {
		now := c.now()
		all := s.records(now)
		for _, w := range what {
			found, err := find(all, w)
			if err != nil {
				return err
			}
			for _, r := range found {
				if slices.ContainsFunc(revoked, func(o Record) bool { return o.Number == r.Number }) {
					continue
				}
				r.State, r.RevokedAt = Revoked, now.UTC().Truncate(time.Second)
				revoked = append(revoked, r)
				n, _ := new(big.Int).SetString(r.Number, 16) // it was made of one
				s.list.Entries = append(s.list.Entries, x509.RevocationListEntry{SerialNumber: n, RevocationTime: r.RevokedAt})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("revoke certificates: %w", err)
	}
	return revoked, nil
}

// find chooses those that a number or a name means.
func find(all []Record, what string) (found []Record, err error) {
	kinds := map[Kind]bool{}
	for _, r := range all {
		switch {
		case r.Number == what && r.State == Revoked:
			return nil, fault.New(fault.NotIssued, what, "certificate %s was revoked already", what)
		case r.Number == what:
			return []Record{r}, nil
		case r.State == Valid && slices.Contains(r.Names, what):
			found = append(found, r)
			kinds[r.Kind] = true
		}
	}
	switch {
	case len(found) == 0:
		return nil, fault.New(fault.NotIssued, what, "no certificate of the name or number %q is valid", what)
	case len(kinds) > 1:
		return nil, fmt.Errorf("%q is both a user and a host: give the numbers", what)
	}
	return found, nil
}

// change has f change what a CA has done, while nobody else does, and signs the list anew. What
// expired long ago is forgotten first.
func (c *CA) change(f func(*state) error) error {
	return outfile.Locked(c.path(listName), func() error {
		s, err := c.read()
		if err != nil {
			return err
		}
		old := c.forget(s)
		if err := f(s); err != nil {
			return err
		}
		text, err := c.newList(s.list.Number, s.list.Entries)
		if err != nil {
			return err
		}
		if len(text) > revocation.MaxBytes {
			return fmt.Errorf("a list of %d revoked certificates is too long for agents", len(s.list.Entries))
		}
		d, err := outfile.Own(c.dir)
		if err != nil {
			return err
		}
		err = d.Replace(listName, 0o644, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
		return errors.Join(closing(d, err), c.clean(old))
	})
}

// forget takes out of the list what expired long ago, and returns the names of its records. An
// entry whose record somebody has removed stays.
func (c *CA) forget(s *state) (old []string) {
	for _, cert := range s.certs {
		if c.now().Sub(cert.NotAfter) > forgetAfter {
			old = append(old, numberText(cert.SerialNumber)+certSuffix)
		}
	}
	isOld := func(n *big.Int) bool { return slices.Contains(old, numberText(n)+certSuffix) }
	s.certs = slices.DeleteFunc(s.certs, func(cert *x509.Certificate) bool { return isOld(cert.SerialNumber) })
	s.list.Entries = slices.DeleteFunc(s.list.Entries, func(e x509.RevocationListEntry) bool { return isOld(e.SerialNumber) })
	return old
}

// clean removes records, and what killed writers left.
func (c *CA) clean(old []string) error {
	var errs []error
	for _, dir := range []string{c.dir, c.path(issuedName)} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), outfile.TempPrefix) || dir != c.dir && slices.Contains(old, e.Name()) {
				errs = append(errs, os.Remove(filepath.Join(dir, e.Name())))
			}
		}
	}
	return errors.Join(errs...)
}

// newList signs a list with a number above before's. It is the time, so that a CA that was put back
// from a copy does not sign lists that agents take for older than what they have.
func (c *CA) newList(before *big.Int, entries []x509.RevocationListEntry) ([]byte, error) {
	now := c.now()
	number := big.NewInt(now.Unix())
	if before != nil && number.Cmp(before) <= 0 {
		number.Add(before, big.NewInt(1))
	}
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: number, ThisUpdate: now, NextUpdate: now.Add(listLifetime), RevokedCertificateEntries: entries,
	}, c.cert, c.key)
	if err != nil {
		return nil, fmt.Errorf("sign the list of revoked certificates: %w", err)
	}
	return pemfile.Encode(pemfile.List, der), nil
}

// readList reads the list. A lost one is an error: with an empty one in its place, who was revoked
// would be in again.
func (c *CA) readList() (*revocation.List, error) {
	text, err := pemfile.Read(c.path(listName), revocation.MaxBytes)
	if err != nil {
		return nil, err
	}
	lists, err := revocation.Parse(text, []*x509.Certificate{c.cert})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.path(listName), err)
	}
	return lists.Of(c.cert), nil
}

func closing(d *outfile.Dir, err error) error { return errors.Join(err, d.Close()) }
