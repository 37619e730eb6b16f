//go:build dlx_toolbox

package toolbox

import (
	_ "embed"
	"unsafe"
)

// The bundle is a string so that it stays in the program's own pages and is never copied as a whole.
//
//go:embed embedded/bundle.tar
var embedded string

// Default returns the toolbox that was built into dlx.
func Default() (*Bundle, error) {
	return ReadBundle(unsafe.Slice(unsafe.StringData(embedded), len(embedded)))
}
