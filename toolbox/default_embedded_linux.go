//go:build dlx_toolbox

package toolbox

import (
	_ "embed"
	"strings"
	"unsafe"
)

// The bundle is a string so that it stays in the program's own pages and is never copied as a whole.
//
//go:embed embedded/bundle.tar
var embedded string

// embeddedDigest is that of the manifest.
//
//go:embed embedded/bundle.sha256
var embeddedDigest string

// Default returns the toolbox that was built into dlx.
func Default() (*Bundle, error) {
	data := unsafe.Slice(unsafe.StringData(embedded), len(embedded))
	b, err := ReadBundle(data)
	if err != nil {
		return nil, err
	}
	b.from = &origin{open: func() image { return openOwn(data) }}
	return b, nil
}

// VerifyDefault checks the toolbox that was built into dlx against the digest that was compiled in.
func VerifyDefault() (*Verified, error) {
	b, err := Default()
	if err != nil {
		return nil, err
	}
	return VerifyDigest(b, strings.TrimSpace(embeddedDigest), BuiltIn)
}
