package engine

import (
	"errors"

	"dlx/internal/linux"
)

// leastFiles is how many descriptors a session takes: those of its view's, a clone for each entry of /dev, and its own.
const leastFiles = 256

// requirePrivileges tells who is not root at once, instead of by whatever fails first: capability
// is one that the work takes.
func requirePrivileges(capability int) error {
	caps, err := linux.Effective()
	if err == nil && !caps.Has(capability) {
		return ErrPrivileges
	}
	return err
}

// requireSession checks what a session takes. The soft limit of open files is raised to the hard one by Go's runtime.
func requireSession() error {
	files, err := linux.FileLimit()
	if err = errors.Join(requirePrivileges(linux.CapSysAdmin), err); err == nil && files < leastFiles {
		return &FilesError{files}
	}
	return err
}
