//go:build !linux

package toolbox

import (
	"errors"
	"fmt"
)

// Default fails with errors.ErrUnsupported: toolboxes are of use where there are containers.
func Default() (*Bundle, error) {
	return nil, fmt.Errorf("no toolbox on this system: %w", errors.ErrUnsupported)
}

// VerifyDefault fails as Default does.
func VerifyDefault() (*Verified, error) {
	_, err := Default()
	return nil, err
}

// VerifyHost fails as Default does.
func VerifyHost() (*Verified, error) {
	_, err := Default()
	return nil, err
}
