// Package pemfile reads the files of keys, certificates and lists of certificates (RFC 7468).
package pemfile

import (
	"bytes"
	"encoding/pem"
	"io"
	"io/fs"
	"os"
	"syscall"

	"dlx/fault"
)

// Types of PEM blocks (RFC 7468, 5, 6 and 10).
const (
	Certificate = "CERTIFICATE"
	List        = "X509 CRL"
	PrivateKey  = "PRIVATE KEY"
)

// Read reads a regular file of at most limit bytes that only its owner can write. One of another
// kind or size is fault.BadKey, one that others can write fault.Writable. It waits for nobody.
func Read(name string, limit int64) ([]byte, error) {
	return read(name, limit, 0o022, func() error {
		return fault.New(fault.Writable, name, "%s can be written by others than its owner: it is not trusted", name)
	})
}

// ReadSecret is Read of a file that only its owner can read; otherwise it is fault.OpenKey.
func ReadSecret(name string, limit int64) ([]byte, error) {
	return read(name, limit, 0o077, func() error {
		return fault.New(fault.OpenKey, name, "%s can be read by others: it is no private key", name)
	})
}

// read reads a file whose mode has none of some bits, where files have modes.
func read(name string, limit int64, forbidden fs.FileMode, open func() error) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO does not make it wait
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // was only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fault.New(fault.BadKey, name, "%s is no regular file", name)
	case modes && info.Mode()&forbidden != 0:
		return nil, open()
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, fault.New(fault.BadKey, name, "%s is longer than %d bytes", name, limit)
	}
	return data, err
}

// Blocks are what the PEM blocks of a text hold: 1 to most, all of a kind. Text between them is
// left alone, but what begins like a block and is not whole is an error: pem.Decode passes over it,
// and a list of revoked certificates that is cut off would be none. Errors are fault.BadKey.
func Blocks(text []byte, kind string, most int) (list [][]byte, err error) {
	bad := func(format string, args ...any) error { return fault.New(fault.BadKey, "", format, args...) }
	begun := bytes.Count(text, []byte("-----BEGIN"))
	if begun > most {
		return nil, bad("more than %d PEM blocks", most)
	}
	for b, rest := pem.Decode(text); b != nil; b, rest = pem.Decode(rest) {
		if b.Type != kind {
			return nil, bad("a PEM block %.40q instead of %q", b.Type, kind)
		}
		list = append(list, b.Bytes)
	}
	switch {
	case len(list) != begun:
		return nil, bad("a PEM block %q is not whole", kind)
	case len(list) == 0:
		return nil, bad("no PEM block %q", kind)
	}
	return list, nil
}

// Encode is what Blocks reads.
func Encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
