package standin

import (
	"errors"

	"dlx/internal/linux"
)

// What Docker shows of /proc and /sys to be read only, and what not at all (moby, oci/defaults.go).
var (
	readOnlyPaths = []string{"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"}
	maskedPaths   = []string{
		"proc/asound", "proc/acpi", "proc/interrupts", "proc/kcore", "proc/keys", "proc/latency_stats", "proc/timer_list", "proc/timer_stats",
		"proc/sched_debug", "proc/scsi", "sys/firmware", "sys/devices/virtual/powercap",
	}
)

// finish runs on a thread in the process's network and mount namespaces, before anybody else comes
// there: /sys is that of the network namespace, and /proc what the process has mounted.
func finish() error {
	if err := linux.LoopbackUp(); err != nil {
		return err
	}
	root, err := linux.OpenPath("/")
	if err != nil {
		return err
	}
	defer root.Close()
	sys, err := linux.NewMount("sysfs", linux.MountNosuid|linux.MountNodev|linux.MountNoexec|linux.MountRdonly)
	if err != nil {
		return err
	}
	if err := errors.Join(linux.MoveMount(sys, root, "sys"), sys.Close()); err != nil {
		return err
	}
	for _, path := range readOnlyPaths {
		err := over(root, path, func(fd *linux.FD) (*linux.FD, error) { return linux.CloneTree(fd, "", false) })
		if err == nil {
			err = linux.RemountReadOnly("/" + path)
		}
		if err != nil && !errors.Is(err, linux.ErrNotExist) {
			return err
		}
	}
	null, err := linux.OpenBeneath(root, "dev/null", linux.OPath)
	if err != nil {
		return err
	}
	defer null.Close()
	for _, path := range maskedPaths {
		if err := over(root, path, func(fd *linux.FD) (*linux.FD, error) { return mask(fd, null) }); err != nil {
			return err
		}
	}
	return nil
}

// over mounts something over a path; one that this kernel does not have is left out.
func over(root *linux.FD, path string, what func(fd *linux.FD) (*linux.FD, error)) error {
	fd, err := linux.OpenBeneath(root, path, linux.OPath|linux.ONoFollow)
	if errors.Is(err, linux.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer fd.Close()
	mount, err := what(fd)
	if err != nil {
		return err
	}
	return errors.Join(linux.MoveMount(mount, fd, ""), mount.Close())
}

// mask is null for a file, and an empty directory for a directory.
func mask(fd, null *linux.FD) (*linux.FD, error) {
	st, err := linux.Fstat(fd)
	if err != nil {
		return nil, err
	}
	if st.Mode&linux.ModeType == linux.ModeDir {
		return linux.NewMount("tmpfs", linux.MountRdonly|linux.MountNosuid|linux.MountNodev|linux.MountNoexec, "mode", "755", "size", "4k")
	}
	return linux.CloneTree(null, "", false)
}
