package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"

	"dlx/fault"
)

// PublicKey is an epoch's, to check the log with. It is no secret.
type PublicKey struct{ key ed25519.PublicKey }

// ParsePublicKey reads a key as PEM, SubjectPublicKeyInfo (RFC 8410). Its errors are fault.BadKey.
func ParsePublicKey(text []byte) (*PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, fault.New(fault.BadKey, "", "not a key: no PEM block of a public key")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fault.New(fault.BadKey, "", "not a key: %w", err)
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, fault.New(fault.BadKey, "", "not a key: a public key of type %T", parsed)
	}
	return &PublicKey{key}, nil
}

// MarshalPEM is the key as ParsePublicKey reads it.
func (k *PublicKey) MarshalPEM() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// ID names the key: the SHA-256 digest of its SubjectPublicKeyInfo.
func (k *PublicKey) ID() string {
	der, err := x509.MarshalPKIXPublicKey(k.key)
	if err != nil {
		return "" // no key of 32 bytes has one
	}
	sum := sha256.Sum256(der)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func publicText(key ed25519.PublicKey) string { return base64.StdEncoding.EncodeToString(key) }

// publicKey is the key that a line names, nil if it names none.
func publicKey(text string) ed25519.PublicKey {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != ed25519.PublicKeySize {
		return nil
	}
	return b
}

// KeyName is the file of the current epoch's private key. It has two places, so that the next key
// is on the disk before the log names it, and the old one is overwritten where it lies.
const KeyName = "audit.key"

// A place is a block of its own, which is written as a whole.
const (
	slotSize  = 4096
	slotMagic = "dlxaudk1"
	slotUsed  = len(slotMagic) + 8 + ed25519.SeedSize + sha256.Size
)

// slot is an epoch's key: magic, epoch (big-endian), seed, SHA-256 of all that.
type slot struct {
	epoch uint64
	key   ed25519.PrivateKey
}

func newSlot(epoch uint64) (*slot, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	return &slot{epoch, key}, nil
}

func (s *slot) public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// offset is where the slot of an epoch lies.
func slotOffset(epoch uint64) int64 { return int64(epoch%2) * slotSize }

func (s *slot) marshal() []byte {
	b := binary.BigEndian.AppendUint64([]byte(slotMagic), s.epoch)
	b = append(b, s.key.Seed()...)
	sum := sha256.Sum256(b)
	b = append(b, sum[:]...)
	return append(b, make([]byte, slotSize-len(b))...)
}

var errNoSlot = errors.New("no key")

func parseSlot(b []byte) (*slot, error) {
	if len(b) < slotUsed || string(b[:len(slotMagic)]) != slotMagic {
		return nil, errNoSlot
	}
	n := slotUsed - sha256.Size
	if sum := sha256.Sum256(b[:n]); string(sum[:]) != string(b[n:slotUsed]) {
		return nil, errNoSlot
	}
	return &slot{binary.BigEndian.Uint64(b[len(slotMagic):]), ed25519.NewKeyFromSeed(b[len(slotMagic)+8 : n])}, nil
}

// slots are the keys of a file, at most two.
func slots(file []byte) (list []*slot) {
	for i := range 2 {
		if len(file) < (i+1)*slotSize {
			break
		}
		if s, err := parseSlot(file[i*slotSize:]); err == nil && slotOffset(s.epoch) == int64(i)*slotSize {
			list = append(list, s)
		}
	}
	return list
}

// forget overwrites a private key in memory.
func (s *slot) forget() { clear(s.key) }
