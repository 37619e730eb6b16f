package cli

import (
	"errors"
	"fmt"

	"dlx/internal/linux"
	"dlx/shell"
)

// looking is what it takes to find out who a container's process is: its namespaces and files in
// /proc, and the runtime's socket.
const looking = linux.CapSet(1<<linux.CapSysPtrace | 1<<linux.CapDacOverride | 1<<linux.CapDacReadSearch)

// verbPrivileges are the capabilities that verbs keep of root's. SECURITY.md has the table.
var verbPrivileges = map[string]linux.CapSet{
	"ps": looking,
	// To receive packets in a namespace that was joined, write files for a user, and start and end
	// a process that prints.
	"capture": looking | linux.Caps(linux.CapSysAdmin, linux.CapNetRaw, linux.CapNetAdmin, linux.CapSetuid, linux.CapSetgid,
		linux.CapKill, linux.CapChown, linux.CapFowner),
	// To place files in a layer, whose owners are the container's.
	"inject": looking | linux.Caps(linux.CapChown, linux.CapFowner, linux.CapFsetid),
	"eject":  looking | linux.Caps(linux.CapFowner),
	// To read what root may.
	"audit": linux.Caps(linux.CapDacReadSearch),
	"play":  linux.Caps(linux.CapDacReadSearch),
	// It joins namespaces, mounts a view, makes device nodes and copies a cgroup's device programs.
	// For these Linux 5.10 and 6.1 want NET_ADMIN, 6.18 does not (kernel/bpf/syscall.c). Then it
	// becomes what the profile says, whose capabilities come on top.
	"debug": looking | linux.Caps(linux.CapSysAdmin, linux.CapNetAdmin, linux.CapSysChroot, linux.CapMknod, linux.CapSetuid, linux.CapSetgid,
		linux.CapSetpcap, linux.CapKill, linux.CapChown, linux.CapFowner),
}

// giveUp leaves dlx the privileges that a verb takes, before it begins. What it starts gets no
// more. A session's profile adds its own, and one with all privileges has them from dlx.
func giveUp(verb, profile string) error {
	caps := verbPrivileges[verb]
	if verb == "debug" {
		p, err := shell.FindProfile(profile)
		if err != nil || p.All() {
			return err
		}
		own, err := p.Capabilities()
		if err != nil {
			return err
		}
		caps |= own
	}
	return keep(caps)
}

// keep gives all else up. A program that was built with cgo, for the race detector, can not, and
// goes on as it is.
func keep(caps linux.CapSet) error {
	err := linux.GiveUp(caps)
	if err != nil && !errors.Is(err, linux.ErrNotSupported) {
		return fmt.Errorf("give up privileges: %w", err)
	}
	return nil
}
