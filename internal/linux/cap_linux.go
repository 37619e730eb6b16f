package linux

import (
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// CapSet is a set of capabilities, bit N being capability N (capabilities(7)).
type CapSet uint64

// lastCap is the highest capability to drop: newer kernels may know more than this program.
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
	CapDacReadSearch  = unix.CAP_DAC_READ_SEARCH
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

// GiveUp drops every capability that is not in keep, for all threads of this process. What it
// executes gets no more (prctl(2), PR_SET_NO_NEW_PRIVS): root would get them back by executing.
// With cgo it returns ErrNotSupported.
func GiveUp(keep CapSet) error {
	own, err := Effective()
	if err != nil {
		return err
	}
	if err := onAllThreads(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return wrap("prctl PR_SET_NO_NEW_PRIVS", err)
	}
	hdr := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	keep &= own
	data := &[2]unix.CapUserData{}
	for i := range data {
		part := uint32(keep >> (32 * i))
		data[i] = unix.CapUserData{Effective: part, Permitted: part}
	}
	err = onAllThreads(unix.SYS_CAPSET, uintptr(unsafe.Pointer(hdr)), uintptr(unsafe.Pointer(data)))
	runtime.KeepAlive(hdr)
	runtime.KeepAlive(data)
	return wrap("capset", err)
}

// Effective returns the calling thread's effective capabilities (capget(2)).
func Effective() (CapSet, error) {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return 0, wrap("capget", err)
	}
	return CapSet(data[0].Effective) | CapSet(data[1].Effective)<<32, nil
}

// capNames are the capabilities in the order of their numbers (linux/capability.h), without their
// CAP_.
var capNames = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
}

// Names lists the set by names. One that is newer than this program has its number.
func (s CapSet) Names() []string {
	var names []string
	for c := range lastCap + 1 {
		switch {
		case !s.Has(c):
		case c < len(capNames):
			names = append(names, capNames[c])
		default:
			names = append(names, strconv.Itoa(c))
		}
	}
	return names
}

// CapsNamed is the set of some names, with or without CAP_ in front. Those that this program does
// not know are left out.
func CapsNamed(names []string) (s CapSet) {
	for _, name := range names {
		if c := slices.Index(capNames, strings.TrimPrefix(strings.ToUpper(name), "CAP_")); c >= 0 {
			s |= 1 << c
		}
	}
	return s
}

// Without names the capabilities of s that have lacks.
func (s CapSet) Without(have CapSet) string { return strings.Join((s &^ have).Names(), ", ") }
