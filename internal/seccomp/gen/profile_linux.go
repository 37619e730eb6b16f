package main

import (
	"fmt"
	"slices"
	"syscall"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// variant is a set of capabilities and what is allowed beyond Docker's profile for them.
type variant struct {
	name  string
	caps  []string
	extra []specs.LinuxSyscall
}

// dockerCaps are what Docker gives a container (moby, daemon/pkg/oci/caps).
var dockerCaps = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
	"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
}

var variants = []variant{
	{name: "bare"},
	{name: "default", caps: dockerCaps},
	{name: "debug", caps: append(slices.Clone(dockerCaps), "CAP_SYS_PTRACE"), extra: []specs.LinuxSyscall{
		// The kernel has its own rule for who may use it, /proc/sys/kernel/perf_event_paranoid.
		{Names: []string{"perf_event_open"}, Action: specs.ActAllow},
		// ADDR_NO_RANDOMIZE: gdb starts programs so, and setarch -R.
		{Names: []string{"personality"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Value: 0x0040000, Op: specs.OpEqualTo}}},
	}},
}

// leastKernel is the oldest release that dlx runs on. A rule for newer ones would need a variant
// for each.
var leastKernel = profiles.KernelVersion{Kernel: 5, Major: 9}

// rules are those of the profile that hold for the variant on an architecture of Go's name. moby's
// own evaluation of them takes this machine's architecture and kernel.
func (v variant) rules(goarch string) ([]specs.LinuxSyscall, error) {
	profile := profiles.DefaultProfile()
	if profile.DefaultAction != specs.ActErrno || profile.DefaultErrnoRet == nil || *profile.DefaultErrnoRet != uint(syscall.EPERM) {
		return nil, fmt.Errorf("its default action is %s and not EPERM", profile.DefaultAction)
	}
	var rules []specs.LinuxSyscall
	for _, call := range profile.Syscalls {
		includes, excludes := filterOf(call.Includes), filterOf(call.Excludes)
		for _, k := range []*profiles.KernelVersion{includes.MinKernel, excludes.MinKernel} {
			if k != nil && (k.Kernel > leastKernel.Kernel || k.Kernel == leastKernel.Kernel && k.Major > leastKernel.Major) {
				return nil, fmt.Errorf("the rule for %v depends on Linux %s", call.Names, k)
			}
		}
		included := (len(includes.Arches) == 0 || slices.Contains(includes.Arches, goarch)) && v.hasAll(includes.Caps)
		if included && !slices.Contains(excludes.Arches, goarch) && !v.hasAny(excludes.Caps) && excludes.MinKernel == nil {
			rules = append(rules, call.LinuxSyscall)
		}
	}
	return append(rules, v.extra...), nil
}

func filterOf(f *profiles.Filter) profiles.Filter {
	if f == nil {
		return profiles.Filter{}
	}
	return *f
}

func (v variant) hasAll(caps []string) bool {
	return !slices.ContainsFunc(caps, func(c string) bool { return !slices.Contains(v.caps, c) })
}

func (v variant) hasAny(caps []string) bool {
	return slices.ContainsFunc(caps, func(c string) bool { return slices.Contains(v.caps, c) })
}
