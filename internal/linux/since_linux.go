package linux

import "dlx/fault"

// since is the kernel release that brought a system call, by its manual page.
// It has the calls that messages name.
var since = map[string]string{
	"mount_setattr": "5.12",
	"openat2":       "5.6",
	"pidfd_open":    "5.3",
}

// noCall reports a system call that the kernel does not have: fault.OldKernel, and ErrNoSys.
func noCall(call string) error {
	return fault.New(fault.OldKernel, call, "%s: %w", call, ErrNoSys).With(since[call])
}
