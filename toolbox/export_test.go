package toolbox

import (
	"bufio"
	"debug/elf"
	"io"
	"testing"
)

// Unpacked counts the bytes that are unpacked of archives, for one test.
func Unpacked(t *testing.T) *int64 {
	n := new(int64)
	before := decompress
	decompress = func(r *bufio.Reader) (io.Reader, func(), error) {
		in, end, err := before(r)
		return readFunc(func(p []byte) (int, error) {
			m, err := in.Read(p)
			*n += int64(m)
			return m, err
		}), end, err
	}
	t.Cleanup(func() { decompress = before })
	return n
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// LimitBundles has bundles of more than so many bytes refused, for one test.
func LimitBundles(t *testing.T, limit int64) {
	before := maxBundle
	maxBundle = limit
	t.Cleanup(func() { maxBundle = before })
}

// ReadProgram tells a program's machine and whether it asks for a loader.
func ReadProgram(content []byte) (machine elf.Machine, loader bool, err error) {
	p, err := readProgram(content)
	return p.machine, p.loader, err
}

// SetCosign gives the bundle a signature that nobody has looked at.
func (b *Bundle) SetCosign(data []byte) { b.cosign = data }

// FillFile makes a file of a folder that is being written.
var FillFile = fillFile

// Locked runs f under the lock of a file.
func Locked(file string, f func() error) error { return locked(file, f) }

// Content is a file of a bundle.
func Content(b *Bundle, path string) []byte { return b.contents[path] }
