//go:build dlx_toolbox

package toolbox

import (
	_ "embed"
	"strings"
	"unsafe"
)

// The bundles are strings so that they stay in the program's own pages and are never copied as a
// whole. The digests are those of their manifests.
var (
	//go:embed embedded/bundle.tar
	embedded string
	//go:embed embedded/bundle.sha256
	embeddedDigest string

	//go:embed embedded/host.tar
	host string
	//go:embed embedded/host.sha256
	hostDigest string
)

// read reads a bundle that was built into dlx.
func read(archive string) (*Bundle, error) {
	data := unsafe.Slice(unsafe.StringData(archive), len(archive))
	b, err := ReadBundle(data)
	if err != nil {
		return nil, err
	}
	b.from = &origin{open: func() image { return openOwn(data) }}
	return b, nil
}

// verify checks a bundle that was built into dlx against the digest that was compiled in.
func verify(archive, digest string) (*Verified, error) {
	b, err := read(archive)
	if err != nil {
		return nil, err
	}
	return VerifyDigest(b, strings.TrimSpace(digest), BuiltIn)
}

// Default returns the toolbox that was built into dlx.
func Default() (*Bundle, error) { return read(embedded) }

// VerifyDefault checks the toolbox that was built into dlx.
func VerifyDefault() (*Verified, error) { return verify(embedded, embeddedDigest) }

// VerifyHost checks the programs that were built into dlx to be started beside it.
func VerifyHost() (*Verified, error) { return verify(host, hostDigest) }
