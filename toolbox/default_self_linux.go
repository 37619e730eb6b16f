//go:build !dlx_toolbox

package toolbox

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"dlx/internal/applet"
	"dlx/internal/version"
)

// Default returns the pure-Go toolbox of a dlx that was built without a bundle: dlx itself, which is its own tools by
// the name it is called.
func Default() (*Bundle, error) {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return nil, fmt.Errorf("read this program as its own toolbox: %w", err)
	}
	b := Builder{Name: "pure-go", Version: version.Version, Arch: runtime.GOARCH, Created: time.Unix(0, 0)}
	b.Add("bin/dlx-tools", self, 0o755, Source{Package: "dlx", Version: version.Version, Origin: "this program", License: "Apache-2.0"})
	for _, name := range applet.Names() {
		b.Link("bin/"+name, "dlx-tools")
	}
	return b.Bundle()
}

// VerifyDefault checks it: its manifest was made here and now.
func VerifyDefault() (*Verified, error) {
	b, err := Default()
	if err != nil {
		return nil, err
	}
	return VerifyDigest(b, b.Digest(), BuiltIn)
}
