package identity

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// NoUser is the number of a caller whom a certificate names: (uid_t)-2. No account has it, as
// systemd's list of ranges says (UIDS-GIDS.md), and it has no rights. (uid_t)-1 would be no user's
// either, but setresuid(2) and chown(2) take that for "as it is", which is root.
const NoUser uint32 = 1<<32 - 2

// A user's name in a certificate is a URI among its subject alternative names: dlx://user/NAME.
const (
	scheme = "dlx"
	host   = "user"
	prefix = scheme + "://" + host + "/"
)

// maxName is the most bytes of a user's name.
const maxName = 64

// Errors of certificates that name no user, or more than one.
var (
	ErrNoName   = errors.New("it names no user: " + prefix + "NAME is not among its subject alternative names")
	ErrTwoNames = errors.New("it names more than one user")
)

// CheckName wants a user's name to be of ASCII's letters and digits and of ._-@ behind the first.
// None of these is written in a second way in a URI (RFC 3986, 2.3 and 3.3), in a path or in a log.
func CheckName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("a user's name has 1 to %d characters, not %d", maxName, len(name))
	}
	for i, r := range []byte(name) {
		if !alphanumeric(r) && (i == 0 || !strings.ContainsRune("._-@", rune(r))) {
			return fmt.Errorf("%q is no user's name: letters, digits and ._-@ are, and the first is a letter or digit", name)
		}
	}
	return nil
}

func alphanumeric(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

// URI is how a certificate names a user.
func URI(name string) (*url.URL, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	return &url.URL{Scheme: scheme, Host: host, Path: "/" + name}, nil
}

// altNames is the extension of subject alternative names (RFC 5280, 4.2.1.6).
var altNames = asn1.ObjectIdentifier{2, 5, 29, 17}

// InCertificate is the user whom a certificate names, which others have verified. The bytes of the
// extension count: a parsed URL no longer tells NAME from its other ways of writing.
func InCertificate(cert *x509.Certificate) (string, error) {
	for _, e := range cert.Extensions {
		if e.Id.Equal(altNames) { // x509 lets no second one through
			return InAltNames(e.Value)
		}
	}
	return "", ErrNoName
}

// InAltNames is the one user whom an extension of subject alternative names names. Other URIs and
// other kinds of names are left alone. All errors but ErrNoName are about bytes that are not right.
func InAltNames(der []byte) (string, error) {
	uris, err := urisOf(der)
	if err != nil {
		return "", fmt.Errorf("subject alternative names: %w", err)
	}
	name, found := "", false
	for _, uri := range uris {
		// What may be meant for dlx is dlx's, or an error.
		if s, _, _ := strings.Cut(uri, ":"); !strings.EqualFold(s, scheme) {
			continue
		}
		if found {
			return "", ErrTwoNames
		}
		rest, ok := strings.CutPrefix(uri, prefix)
		if !ok {
			return "", fmt.Errorf("%q is not %sNAME", uri, prefix)
		}
		if err := CheckName(rest); err != nil {
			return "", err
		}
		name, found = rest, true
	}
	if !found {
		return "", ErrNoName
	}
	return name, nil
}

// tagURI is uniformResourceIdentifier's (RFC 5280, 4.2.1.6, GeneralName).
const tagURI = 6

// urisOf are the URIs among general names.
func urisOf(der []byte) (uris []string, err error) {
	var list asn1.RawValue
	switch rest, err := asn1.Unmarshal(der, &list); {
	case err != nil:
		return nil, err
	case len(rest) > 0 || list.Class != asn1.ClassUniversal || list.Tag != asn1.TagSequence || !list.IsCompound:
		return nil, errors.New("they are not one sequence")
	}
	for rest := list.Bytes; len(rest) > 0; {
		var name asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &name); err != nil {
			return nil, err
		}
		if name.Class != asn1.ClassContextSpecific {
			return nil, errors.New("one is no general name")
		}
		if name.Tag == tagURI {
			if name.IsCompound {
				return nil, errors.New("a URI is not a string")
			}
			uris = append(uris, string(name.Bytes))
		}
	}
	return uris, nil
}
