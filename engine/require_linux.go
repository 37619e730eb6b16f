package engine

import (
	"errors"

	"dlx/fault"
	"dlx/internal/linux"
)

// leastFiles is how many descriptors a session takes: those of its view's, a clone for each entry
// of /dev, and its own.
const leastFiles = 256

// requirePrivileges tells who is not root at once, before anything fails.
// The work takes capability.
func requirePrivileges(capability int) error {
	caps, err := linux.Effective()
	if err == nil && !caps.Has(capability) {
		return fault.New(fault.NoPrivileges, "", "no permission to enter a container")
	}
	return err
}

// requireSession checks what a session takes. The soft limit of open files is raised to the hard
// one by Go's runtime.
func requireSession() error {
	files, err := linux.FileLimit()
	if err = errors.Join(requirePrivileges(linux.CapSysAdmin), err); err == nil && files < leastFiles {
		return fault.New(fault.TooFewFiles, "", "the limit of open files, %d, is too low", files)
	}
	return err
}
