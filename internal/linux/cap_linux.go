package linux

import (
	"golang.org/x/sys/unix"
)

// CapSet is a set of capabilities, bit N being capability N (capabilities(7)).
type CapSet uint64

// lastCap is the highest capability number tried when dropping: newer kernels may know more than this program.
const lastCap = 63

// Caps makes a set of capability numbers.
func Caps(list ...int) CapSet {
	var s CapSet
	for _, c := range list {
		s |= 1 << c
	}
	return s
}

// Has says whether capability c is in the set.
func (s CapSet) Has(c int) bool { return s&(1<<c) != 0 }

// Capabilities that the profiles are made of.
const (
	CapChown          = unix.CAP_CHOWN
	CapDacOverride    = unix.CAP_DAC_OVERRIDE
	CapFowner         = unix.CAP_FOWNER
	CapFsetid         = unix.CAP_FSETID
	CapKill           = unix.CAP_KILL
	CapSetgid         = unix.CAP_SETGID
	CapSetuid         = unix.CAP_SETUID
	CapSetpcap        = unix.CAP_SETPCAP
	CapNetBindService = unix.CAP_NET_BIND_SERVICE
	CapNetRaw         = unix.CAP_NET_RAW
	CapNetAdmin       = unix.CAP_NET_ADMIN
	CapSysChroot      = unix.CAP_SYS_CHROOT
	CapSysPtrace      = unix.CAP_SYS_PTRACE
	CapSysAdmin       = unix.CAP_SYS_ADMIN
	CapMknod          = unix.CAP_MKNOD
	CapAuditWrite     = unix.CAP_AUDIT_WRITE
	CapSetfcap        = unix.CAP_SETFCAP
)

// Effective returns the calling thread's effective capabilities (capget(2)).
func Effective() (CapSet, error) {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return 0, wrap("capget", err)
	}
	return CapSet(data[0].Effective) | CapSet(data[1].Effective)<<32, nil
}
