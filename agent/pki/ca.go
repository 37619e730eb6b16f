package pki

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"path/filepath"
	"time"

	"dlx/fault"
	"dlx/internal/pemfile"
	"dlx/toolbox"
)

// Names in a CA's folder.
const (
	keyName    = "ca.key"
	certName   = "ca.crt"
	listName   = "crl.pem"
	issuedName = "issued"
	certSuffix = ".crt"
)

// How long something is valid for, unless the caller says so, and at most.
const (
	day            = 24 * time.Hour
	caLifetime     = 3652 * day
	clientLifetime = 30 * day
	serverLifetime = 90 * day
	listLifetime   = 90 * day
	maxLifetime    = 398 * day
	// skew is how far another machine's clock may be behind.
	skew = 5 * time.Minute
)

// maxCert is the most bytes of a certificate's file or a key's.
const maxCert = 64 << 10

// CA is an authority in a folder. Methods may be called at once, by several processes too where
// there is flock(2).
type CA struct {
	dir  string
	cert *x509.Certificate
	key  ed25519.PrivateKey
	now  func() time.Time
}

// Open reads a CA. The folder, and all that lead there, belong to root or to who runs dlx, and
// nobody else can write there (fault.NotOwned, fault.Writable). Nobody else can read its key
// (fault.OpenKey). One without a CA is fault.NoCA.
func Open(dir string) (*CA, error) {
	ca, err := open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NoCA, dir, "there is no CA in %s: %w", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the CA in %s: %w", dir, err)
	}
	return ca, nil
}

func open(dir string) (*CA, error) {
	if err := toolbox.CheckOwners(dir); err != nil {
		return nil, err
	}
	cert, err := readCert(filepath.Join(dir, certName))
	if err != nil {
		return nil, err
	}
	text, err := pemfile.ReadSecret(filepath.Join(dir, keyName), maxCert)
	if err != nil {
		return nil, err
	}
	blocks, err := pemfile.Blocks(text, pemfile.PrivateKey, 1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyName, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(blocks[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyName, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s is a key of type %T", keyName, parsed)
	}
	if !key.Public().(ed25519.PublicKey).Equal(cert.PublicKey) || !cert.IsCA {
		return nil, fmt.Errorf("%s and %s do not belong together", certName, keyName)
	}
	return &CA{dir: dir, cert: cert, key: key, now: time.Now}, nil
}

// readCert reads a file with one certificate.
func readCert(name string) (*x509.Certificate, error) {
	text, err := pemfile.Read(name, maxCert)
	if err != nil {
		return nil, err
	}
	blocks, err := pemfile.Blocks(text, pemfile.Certificate, 1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	cert, err := x509.ParseCertificate(blocks[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return cert, nil
}

// CertFile is the CA's certificate, for both ends to trust.
func (c *CA) CertFile() string { return c.path(certName) }

// ListFile is the list of what was revoked, for agents.
func (c *CA) ListFile() string { return c.path(listName) }

// Name is the CA's.
func (c *CA) Name() string { return c.cert.Subject.CommonName }

// Until is when the CA's certificate expires.
func (c *CA) Until() time.Time { return c.cert.NotAfter }

// Fingerprint is the SHA-256 digest of the CA's certificate.
func (c *CA) Fingerprint() string { return fmt.Sprintf("sha256:%x", sha256.Sum256(c.cert.Raw)) }

func (c *CA) path(name ...string) string {
	return filepath.Join(append([]string{c.dir}, name...)...)
}

// newNumber is a certificate's serial number: 126 random bits, written with 32 digits.
func newNumber() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	b[0] = b[0]&0x3f | 0x40
	return new(big.Int).SetBytes(b)
}

func numberText(n *big.Int) string { return fmt.Sprintf("%032x", n) }
