package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"dlx/internal/linux"
)

// Telling is the controller of version 1 whose groups tell sessions apart; "" is version 2.
func Telling() (controller string, err error) {
	if unified() {
		return "", nil
	}
	for _, c := range controllers {
		if linux.HasMagic(filepath.Join(mount, c), linux.MagicCgroup) {
			return c, nil
		}
	}
	return "", errNoController
}

// ID is the kernel's number of the group of a name, in the hierarchy that tells sessions apart. No
// other group of that hierarchy ever has it (the inode's number; Linux 5.5,
// include/linux/kernfs.h).
func ID(name string) (uint64, error) {
	controller, err := Telling()
	if err != nil {
		return 0, err
	}
	info, err := os.Stat(filepath.Join(mount, controller, name))
	if err != nil {
		return 0, fmt.Errorf("find the session's cgroup: %w", err)
	}
	return info.Sys().(*syscall.Stat_t).Ino, nil
}
