package seccomp_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"dlx/internal/linux"
	"dlx/internal/seccomp"
	"dlx/internal/testutil"
)

// x32Bit marks a call of the x32 ABI (arch/x86/include/uapi/asm/unistd.h, __X32_SYSCALL_BIT).
const x32Bit = 0x40000000

// difference is a verdict of an older Docker's filter and ours.
type difference struct{ theirs, ours uint32 }

// explained are all differences to the filter of Debian's Docker 20.10 with libseccomp 2.5.4, by
// name of the call. A newer Docker has fewer.
var explained = map[string]difference{
	// The profile has allowed these since.
	"name_to_handle_at": {eperm, allow},
	"pkey_alloc":        {eperm, allow},
	"pkey_free":         {eperm, allow},
	"pkey_mprotect":     {eperm, allow},
	"process_vm_readv":  {eperm, allow},
	"process_vm_writev": {eperm, allow},
	"uretprobe":         {eperm, allow},
	// The profile has forbidden these since; of socket it has the families in a list, where all
	// were allowed.
	"io_uring_enter":    {allow, eperm},
	"io_uring_register": {allow, eperm},
	"io_uring_setup":    {allow, eperm},
	"socket":            {allow, eperm},
}

// newerThanDocker is the first call that the profile of Docker 20.10 and libseccomp 2.5.4 do not
// know. To runc, all calls from there on are newer than the profile.
const newerThanDocker = 450

// beyond are the calls that the debug variant allows beyond Docker's profile for its capabilities.
var beyond = map[seccomp.Variant][]string{seccomp.Debug: {"perf_event_open", "personality"}}

// isExplained says whether a call's verdicts may differ as they do.
func isExplained(variant seccomp.Variant, c call, names []string, d difference) bool {
	switch {
	case c.audit == linux.AuditAMD64 && c.nr >= x32Bit:
		return d.ours == enosys // of all of x32, which Docker allows as it does amd64
	case c.nr >= newerThanDocker && c.nr < 0xf0000:
		return d.theirs == enosys
	}
	return slices.ContainsFunc(names, func(name string) bool {
		return explained[name] == d || slices.Contains(beyond[variant], name) && d == difference{eperm, allow}
	})
}

// TestAgainstDocker compares with the filter that a real Docker's runc, by libseccomp, gives a
// container: each difference is explained above.
func TestAgainstDocker(t *testing.T) {
	testutil.RequireRoot(t)
	image := testutil.Image(t, "pause", testutil.Prog(t, "pause"))
	for variant, run := range map[seccomp.Variant]testutil.RunOptions{
		seccomp.Bare:    {Image: image, CapDrop: []string{"ALL"}},
		seccomp.Default: {Image: image},
		seccomp.Debug:   {Image: image, CapAdd: []string{"SYS_PTRACE"}},
	} {
		t.Run(string(variant), func(t *testing.T) {
			run.NetworkMode = testutil.SharedNetwork(t)
			theirs := newVM(t, filterOf(t, testutil.Run(t, run).PID))
			ours := newVM(t, generated(t, runtime.GOARCH, variant))
			rules := append(evaluated(runtime.GOARCH, wanted[variant].caps), wanted[variant].extra...)
			for abi, audit := range machines[runtime.GOARCH] {
				differ(t, variant, theirs, ours, abi, audit, rules)
			}
		})
	}
}

func differ(t *testing.T, variant seccomp.Variant, theirs, ours vm, abi string, audit uint32, rules []specs.LinuxSyscall) {
	t.Helper()
	args, table, found, same := borders(rules), callNames(t, abi), map[string][]string{}, 0
	for _, nr := range numbers() {
		conditional := slices.ContainsFunc(naming(rules, table[nr&^x32Bit]), func(r specs.LinuxSyscall) bool { return len(r.Args) > 0 })
		for i, arg := range args {
			if abi == "386" || abi == "arm" {
				arg &= math.MaxUint32 // such a program has no others
			}
			if !conditional && i%40 != 0 {
				continue // no rule looks at it
			}
			c := call{audit: audit, nr: nr, args: [6]uint64{arg}}
			d := difference{theirs.verdict(t, c), ours.verdict(t, c)}
			if d.theirs == d.ours {
				same++
			} else if !isExplained(variant, c, table[nr], d) {
				what := fmt.Sprintf("%s %#x %v: Docker's filter says %s, ours %s", abi, nr, table[nr], verdictName(d.theirs), verdictName(d.ours))
				found[what] = append(found[what], fmt.Sprintf("%#x", arg))
			}
		}
	}
	for _, what := range slices.Sorted(maps.Keys(found)) {
		t.Errorf("%s, of %d arguments: %.80s", what, len(found[what]), strings.Join(found[what], " "))
	}
	if same < 1000 {
		t.Errorf("of %s only %d verdicts are the same", abi, same)
	}
}

func filterOf(t *testing.T, pid int) linux.SeccompProgram {
	t.Helper()
	pidfd, err := linux.PidfdOpen(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer pidfd.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	filters, err := linux.SeccompFilters(ctx, pidfd, pid)
	if err != nil || len(filters) != 1 {
		t.Fatalf("%d filters, %v", len(filters), err)
	}
	return filters[0]
}
