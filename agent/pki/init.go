package pki

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dlx/internal/outfile"
	"dlx/internal/pemfile"
	"dlx/toolbox"
)

// Options are a new CA's.
type Options struct {
	Name     string        // by default a random one, so that no two have the same
	Lifetime time.Duration // by default ten years
}

// maxCommonName is ub-common-name (RFC 5280, appendix A.1).
const maxCommonName = 64

// Init makes a CA in a folder that is not there yet; one that is there is fs.ErrExist. The folders
// above are made if need be. The list of what was revoked is empty.
func Init(dir string, o Options) (*CA, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("make a CA: %w", err)
	}
	if err := initCA(dir, o); err != nil {
		return nil, fmt.Errorf("make a CA: %w", err)
	}
	return Open(dir)
}

func initCA(dir string, o Options) error {
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	cert, err := newCA(o, public, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	ca := &CA{dir: dir, cert: cert, key: key, now: time.Now}
	list, err := ca.newList(nil, nil)
	if err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	if err := toolbox.CheckOwners(parent); err != nil {
		return err
	}
	d, err := outfile.Own(parent)
	if err != nil {
		return err
	}
	err = d.Folder(filepath.Base(dir), func(root *os.Root) error {
		return errors.Join(
			root.Chmod(".", 0o700),
			root.Mkdir(issuedName, 0o700),
			newFile(root, keyName, 0o600, pemfile.Encode(pemfile.PrivateKey, secret)),
			newFile(root, certName, 0o644, pemfile.Encode(pemfile.Certificate, cert.Raw)),
			newFile(root, listName, 0o644, list),
			sync(root),
		)
	})
	return errors.Join(err, d.Close())
}

// newCA is the certificate of a CA that signs for both ends, and no further CA.
func newCA(o Options, public ed25519.PublicKey, key ed25519.PrivateKey) (*x509.Certificate, error) {
	number := newNumber()
	if o.Name == "" {
		o.Name = "dlx agents " + numberText(number)[:8]
	}
	if o.Lifetime == 0 {
		o.Lifetime = caLifetime
	}
	if len(o.Name) > maxCommonName || strings.ContainsFunc(o.Name, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, fmt.Errorf("a CA's name has at most %d characters, all of ASCII's, and not %.100q", maxCommonName, o.Name)
	}
	if o.Lifetime < day || o.Lifetime > 2*caLifetime {
		return nil, fmt.Errorf("a CA lasts for a day to %d days", 2*caLifetime/day)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          number,
		Subject:               pkix.Name{CommonName: o.Name},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(o.Lifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// newFile writes a file to the disk.
func newFile(root *os.Root, name string, perm fs.FileMode, data []byte) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// sync has the names on the disk, too, where folders can be flushed.
func sync(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	_ = d.Sync() // Windows does not
	return d.Close()
}
