//go:build !dlx_toolbox

package toolbox

import (
	"fmt"
	"os"
	"path"
	"runtime"
	"time"

	"dlx/internal/applet/roster"
	"dlx/internal/version"
	"dlx/toolbox/layout"
)

// Default returns the pure-Go toolbox of a dlx without a bundle: dlx itself. By the name that it is
// called it is each of its tools.
func Default() (*Bundle, error) {
	b, err := ofItself("pure-go", layout.Tools)
	if err != nil {
		return nil, err
	}
	for _, name := range roster.Names() {
		b.Link(path.Join(layout.Bin, name), path.Base(layout.Tools))
	}
	return b.Bundle()
}

// ofItself begins a bundle with this program at a path.
func ofItself(name, path string) (*Builder, error) {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return nil, fmt.Errorf("read this program as its own toolbox: %w", err)
	}
	b := &Builder{Name: name, Version: version.Version, Arch: runtime.GOARCH, Created: time.Unix(0, 0)}
	b.Add(path, self, 0o755, Source{Package: "dlx", Version: version.Version, Origin: "this program", License: "Apache-2.0"})
	return b, nil
}

// VerifyDefault checks it: its manifest was made here and now.
func VerifyDefault() (*Verified, error) {
	b, err := Default()
	if err != nil {
		return nil, err
	}
	return VerifyDigest(b, b.Digest(), BuiltIn)
}

// VerifyHost returns the programs that dlx starts beside itself: dlx again, by their names.
func VerifyHost() (*Verified, error) {
	b, err := ofItself(HostName, PrinterPath)
	if err != nil {
		return nil, err
	}
	bundle, err := b.Bundle()
	if err != nil {
		return nil, err
	}
	return VerifyDigest(bundle, bundle.Digest(), BuiltIn)
}
