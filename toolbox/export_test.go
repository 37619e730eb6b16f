package toolbox

import (
	"debug/elf"
	"testing"
)

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
