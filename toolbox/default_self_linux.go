//go:build !dlx_toolbox

package toolbox

import (
	"crypto/sha256"
	"encoding/hex"
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
	sum := sha256.Sum256(self)
	m := &Manifest{Format: FormatVersion, Name: "pure-go", Version: version.Version, Arch: runtime.GOARCH, Created: time.Unix(0, 0).UTC()}
	program := File{
		Path: "bin/dlx-tools", Mode: 0o755, Size: int64(len(self)), SHA256: hex.EncodeToString(sum[:]),
		Package: "dlx", Version: version.Version, Origin: "this program", License: "Apache-2.0",
	}
	m.Files = append(m.Files, program)
	for _, name := range applet.Names() {
		m.Files = append(m.Files, File{Path: "bin/" + name, Link: "dlx-tools"})
	}
	return NewBundle(m, map[string][]byte{program.Path: self}), nil
}
