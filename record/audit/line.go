package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"dlx/internal/printable"
)

// Bounds of a line, in bytes.
const (
	maxLine    = 64 << 10
	maxEnd     = 8 << 10   // of an end or a stop: room is kept for it
	maxHead    = 128 << 10 // of a file's first line
	readLimit  = 256 << 10 // of what a reader takes for a line
	firstLimit = 16 << 10  // of a string
)

// domain begins what is signed, so that a signature is good for nothing else.
const domain = "dlx audit line v1\n"

// Ends of a line: its signature is the last field.
const (
	sigOpen  = `,"sig":"`
	sigClose = `"}`
	sigSize  = 88 // base64 of 64 bytes
	tailSize = len(sigOpen) + sigSize + len(sigClose)
)

// encode makes a line of at most limit bytes, without its line feed.
func encode(e *Entry, key ed25519.PrivateKey, limit int) ([]byte, error) {
	size := firstLimit
	if limit > maxLine {
		size = limit
	}
	for ; ; size /= 2 {
		small := clip(e, size)
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(&small); err != nil {
			return nil, fmt.Errorf("write an audit line: %w", err)
		}
		text := printable.JSON(bytes.TrimSuffix(b.Bytes(), []byte("\n"))) // somebody will look at the file in a terminal
		payload := text[:len(text)-1]
		if len(payload)+tailSize <= limit {
			return sign(payload, key), nil
		}
		if size == 0 {
			return nil, fmt.Errorf("write an audit line: it has %d bytes, and %d is the limit", len(payload)+tailSize, limit)
		}
	}
}

// sign ends a line, whose payload lacks the last bracket.
func sign(payload []byte, key ed25519.PrivateKey) []byte {
	sig := ed25519.Sign(key, append([]byte(domain), payload...))
	line := slices.Concat(payload, []byte(sigOpen))
	line = base64.StdEncoding.AppendEncode(line, sig)
	return append(line, sigClose...)
}

// split takes a line apart. ok says whether it has the form of one.
func split(line []byte) (payload, sig []byte, ok bool) {
	n := len(line) - tailSize
	if n < 0 || !bytes.HasPrefix(line[n:], []byte(sigOpen)) || !bytes.HasSuffix(line, []byte(sigClose)) {
		return nil, nil, false
	}
	text := line[n+len(sigOpen) : len(line)-len(sigClose)]
	sig, err := base64.StdEncoding.Strict().AppendDecode(nil, text)
	return line[:n], sig, err == nil && len(sig) == ed25519.SignatureSize
}

// signed says whether a line is a key's.
func signed(payload, sig []byte, key ed25519.PublicKey) bool {
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, append([]byte(domain), payload...), sig)
}

// digest is what the next line says of a line.
func digest(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// parse reads a line. Fields that it does not know are passed over.
func parse(line []byte) (*Entry, error) {
	var e Entry
	if err := json.Unmarshal(line, &e); err != nil {
		return nil, err
	}
	if e.V != Version {
		return nil, fmt.Errorf("version %d of the format, and %d is known", e.V, Version)
	}
	return &e, nil
}
