package revocation

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Why a certificate is not taken.
var (
	ErrRevoked = errors.New("the certificate was revoked")
	ErrExpired = errors.New("the list of revoked certificates has expired, so nobody gets in")
	ErrNoList  = errors.New("there is no list of revoked certificates")
)

// Check wants no certificate of a chain to be revoked, the leaf first and its anchor last. Each of
// their issuers has to have a list that still counts. Errors are ErrRevoked, ErrExpired, ErrNoList.
func (l *Lists) Check(chain []*x509.Certificate, now time.Time) error {
	if len(chain) < 2 {
		return errors.New("a chain without a CA")
	}
	for i, cert := range chain[:len(chain)-1] {
		list := l.all[issuerOf(chain[i+1])]
		if list == nil {
			return fmt.Errorf("%w of %s", ErrNoList, cert.Issuer)
		}
		if now.After(list.Next) {
			return fmt.Errorf("%w: that of %s counted until %s", ErrExpired, list.Issuer, list.Next.UTC().Format(time.RFC3339))
		}
		if err := list.check(cert); err != nil {
			return err
		}
	}
	// An intermediate CA can be the anchor itself. Who has signed it may have a list nevertheless.
	anchor := chain[len(chain)-1]
	for at, list := range l.all {
		if at.subject == string(anchor.RawIssuer) {
			if err := list.check(anchor); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *List) check(cert *x509.Certificate) error {
	if at, ok := l.revoked[serial(cert.SerialNumber)]; ok {
		return fmt.Errorf("%w: number %x of %s, at %s", ErrRevoked, cert.SerialNumber, l.Issuer, at.UTC().Format(time.RFC3339))
	}
	return nil
}

// Of is a CA's list, nil if it is not among them.
func (l *Lists) Of(ca *x509.Certificate) *List { return l.all[issuerOf(ca)] }

// Follow wants no list to be older than that of the same CA in before: with an old copy of a list,
// who was revoked since would be in again.
func (l *Lists) Follow(before *Lists) error {
	for at, list := range l.all {
		if old := before.all[at]; old != nil && list.Number.Cmp(old.Number) < 0 {
			return fmt.Errorf("the list of %s has number %d, and %d was read already", list.Issuer, list.Number, old.Number)
		}
	}
	return nil
}

// Expired is ErrExpired if a list counts no more.
func (l *Lists) Expired(now time.Time) error {
	for _, list := range l.all {
		if now.After(list.Next) {
			return fmt.Errorf("%w: that of %s counted until %s", ErrExpired, list.Issuer, list.Next.UTC().Format(time.RFC3339))
		}
	}
	return nil
}
