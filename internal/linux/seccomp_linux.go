package linux

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// SeccompProgram is a filter of system calls: classic BPF on struct seccomp_data (seccomp(2)).
type SeccompProgram []bpf.RawInstruction

// Verdicts of such a filter (linux/seccomp.h).
const (
	SeccompKill  = unix.SECCOMP_RET_KILL_PROCESS
	SeccompErrno = unix.SECCOMP_RET_ERRNO // with the error number in the lower half
	SeccompAllow = unix.SECCOMP_RET_ALLOW
)

// Offsets in struct seccomp_data (linux/seccomp.h). An argument has 8 bytes, the lower half first
// on the architectures that there are.
const (
	SeccompCall      = 0
	SeccompArch      = 4 // an audit number
	SeccompArguments = 16
)

// Audit numbers of the ABIs (linux/audit.h).
const (
	AuditAMD64 = unix.AUDIT_ARCH_X86_64
	Audit386   = unix.AUDIT_ARCH_I386
	AuditARM64 = unix.AUDIT_ARCH_AARCH64
	AuditARM   = unix.AUDIT_ARCH_ARM
)

// Modes of seccomp that a process can be in (proc_pid_status(5), "Seccomp").
const (
	SeccompDisabled = unix.SECCOMP_MODE_DISABLED
	SeccompStrict   = unix.SECCOMP_MODE_STRICT
	SeccompFilter   = unix.SECCOMP_MODE_FILTER
)

// ErrNoFilterCopy reports that the kernel copies no filters for this process. The kernel was built
// without CONFIG_CHECKPOINT_RESTORE, this process is filtered itself or lacks CAP_SYS_ADMIN, or a
// security module forbids it.
var ErrNoFilterCopy = errors.New("the kernel does not let this process copy another's seccomp filters")

// ErrTraced reports that another process traces the one whose filters were asked for; only its
// tracer can copy them.
var ErrTraced = errors.New("it is traced by another process")

// SeccompMode reads the mode of a process's first thread from /proc/PID/status. A process that is
// gone is os.ErrNotExist or ErrNoProcess.
func SeccompMode(pid int) (int, error) {
	status, err := ReadStatus(pid)
	if err != nil {
		return 0, err
	}
	mode, err := status.Number("Seccomp", 10)
	return int(mode), err
}

// tracedFilters copies the filters of the stopped process pid, which the
// calling thread traces. They are in the order of their installation:
// filter 0 is the oldest (kernel/seccomp.c, get_nth_filter).
func tracedFilters(pid int, goOn func() error) ([]SeccompProgram, error) {
	mode, err := SeccompMode(pid)
	switch {
	case err != nil:
		return nil, err
	case mode == SeccompDisabled:
		return nil, nil
	case mode != SeccompFilter:
		return nil, fmt.Errorf("process %d is in seccomp mode %d and has no filters to copy", pid, mode)
	}
	var filters []SeccompProgram
	buf := make(SeccompProgram, maxProgram)
	for {
		if err := goOn(); err != nil {
			return nil, err
		}
		program, err := tracedFilter(pid, len(filters), buf)
		if errors.Is(err, unix.ENOENT) {
			return filters, nil
		}
		if err != nil {
			return nil, err
		}
		filters = append(filters, program)
	}
}

// tracedFilter copies one of them, by way of buf; ENOENT says that there is none of this index.
func tracedFilter(pid, index int, buf SeccompProgram) (SeccompProgram, error) {
	n, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SECCOMP_GET_FILTER, uintptr(pid), uintptr(index),
		uintptr(unsafe.Pointer(&buf[0])), 0, 0)
	if errno != 0 {
		return nil, copyError(errno)
	}
	return slices.Clone(buf[:n]), nil
}

// copyError says what an error of PTRACE_SECCOMP_GET_FILTER means if a process has filters. EACCES:
// the tracer may not. EINVAL, EIO: the kernel can not (kernel/seccomp.c, seccomp_get_filter).
func copyError(err error) error {
	err = wrap("ptrace SECCOMP_GET_FILTER", err)
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EIO) {
		return fmt.Errorf("%w: %w", ErrNoFilterCopy, err)
	}
	return err
}
