package toolbox

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"

	"dlx/fault"
)

// Types of PEM blocks (RFC 7468, 10 and 13).
const (
	pemPublic  = "PUBLIC KEY"
	pemPrivate = "PRIVATE KEY"
)

// PublicKey is a key to check signatures with: Ed25519 (RFC 8032), or ECDSA on P-256 as in cosign.
type PublicKey struct {
	key crypto.PublicKey
	id  string
}

// badKey reports what holds no key that can be used.
func badKey(format string, args ...any) error {
	return fault.New(fault.BadKey, "", "not a key: "+format, args...)
}

// ParsePublicKey reads a key as PEM, SubjectPublicKeyInfo (RFC 5280, 4.1). Its errors are
// fault.BadKey.
func ParsePublicKey(text []byte) (*PublicKey, error) {
	b, err := block(text, pemPublic)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(b)
	if err != nil {
		return nil, badKey("%w", err)
	}
	switch k := key.(type) {
	case ed25519.PublicKey:
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return nil, badKey("an ECDSA key of the curve %s", k.Params().Name)
		}
	default:
		return nil, badKey("a public key of type %T", key)
	}
	return &PublicKey{key, keyID(b)}, nil
}

// keyID is the digest of a SubjectPublicKeyInfo.
func keyID(der []byte) string {
	sum := sha256.Sum256(der)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// block is the content of the one PEM block of a file.
func block(text []byte, kind string) ([]byte, error) {
	b, rest := pem.Decode(text)
	switch {
	case b == nil:
		return nil, badKey("no PEM block")
	case b.Type != kind:
		return nil, badKey("a PEM block %.40q instead of %q", b.Type, kind)
	}
	if more, _ := pem.Decode(rest); more != nil {
		return nil, badKey("more than one PEM block")
	}
	return b.Bytes, nil
}

// ID names the key: the SHA-256 digest of its SubjectPublicKeyInfo.
func (k *PublicKey) ID() string { return k.id }

// MarshalPEM is the key as ParsePublicKey reads it.
func (k *PublicKey) MarshalPEM() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: der}), nil
}

// verify says whether a signature of a message is the key's: of the message for Ed25519, of its
// SHA-256 digest as ASN.1 for ECDSA.
func (k *PublicKey) verify(message, signature []byte) bool {
	switch key := k.key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, message, signature)
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(message)
		return ecdsa.VerifyASN1(key, sum[:], signature)
	}
	return false
}

// PrivateKey is an Ed25519 key to sign with.
type PrivateKey struct{ key ed25519.PrivateKey }

// GenerateKey makes a key of the system's random bytes.
func GenerateKey() (*PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return &PrivateKey{key}, nil
}

// ParsePrivateKey reads a key as PEM, PKCS #8 (RFC 5958). Its errors are fault.BadKey.
func ParsePrivateKey(text []byte) (*PrivateKey, error) {
	b, err := block(text, pemPrivate)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(b)
	if err != nil {
		return nil, badKey("%w", err)
	}
	k, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, badKey("a private key of type %T", key)
	}
	return &PrivateKey{k}, nil
}

// MarshalPEM is the key as ParsePrivateKey reads it.
func (k *PrivateKey) MarshalPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPrivate, Bytes: der}), nil
}

// Public is the key that checks this one's signatures.
func (k *PrivateKey) Public() (*PublicKey, error) {
	der, err := x509.MarshalPKIXPublicKey(k.key.Public())
	if err != nil {
		return nil, err
	}
	return &PublicKey{k.key.Public(), keyID(der)}, nil
}

// sign signs a message.
func (k *PrivateKey) sign(message []byte) ([]byte, error) {
	if len(k.key) != ed25519.PrivateKeySize {
		return nil, errors.New("sign: the key is empty")
	}
	return ed25519.Sign(k.key, message), nil
}
