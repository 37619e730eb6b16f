package seccomp_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"dlx/internal/linux"
	"dlx/internal/seccomp"
)

// dockerCaps are what `docker run` gives a container.
var dockerCaps = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
	"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
}

// wanted is a variant as this test understands it.
var wanted = map[seccomp.Variant]struct {
	caps  []string
	extra []specs.LinuxSyscall
}{
	seccomp.Bare:    {},
	seccomp.Default: {caps: dockerCaps},
	seccomp.Debug: {append(slices.Clone(dockerCaps), "CAP_SYS_PTRACE"), []specs.LinuxSyscall{
		{Names: []string{"perf_event_open"}, Action: specs.ActAllow},
		{Names: []string{"personality"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Value: 0x40000, Op: specs.OpEqualTo}}},
	}},
}

// mobys are the profile's rules for this machine by moby's own evaluation.
func mobys(t *testing.T, caps []string) []specs.LinuxSyscall {
	t.Helper()
	spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: caps}}}
	profile, err := profiles.GetDefaultProfile(spec)
	if err != nil {
		t.Fatal(err)
	}
	return profile.Syscalls
}

// evaluated are the rules for any architecture by this test's evaluation, rule for rule, for every
// kernel that dlx runs on.
func evaluated(goarch string, caps []string) (rules []specs.LinuxSyscall) {
	for _, r := range profiles.DefaultProfile().Syscalls {
		holds := true
		if in := r.Includes; in != nil {
			for _, c := range in.Caps {
				holds = holds && slices.Contains(caps, c)
			}
			holds = holds && (in.Arches == nil || slices.Contains(in.Arches, goarch))
		}
		if ex := r.Excludes; ex != nil {
			for _, c := range ex.Caps {
				holds = holds && !slices.Contains(caps, c)
			}
			holds = holds && !slices.Contains(ex.Arches, goarch)
		}
		if holds {
			rules = append(rules, r.LinuxSyscall)
		}
	}
	return rules
}

// naming are the rules that name a call of these names.
func naming(rules []specs.LinuxSyscall, names []string) (list []specs.LinuxSyscall) {
	for _, r := range rules {
		if slices.ContainsFunc(r.Names, func(n string) bool { return slices.Contains(names, n) }) {
			list = append(list, r)
		}
	}
	return list
}

// judge applies the rules that name a call, one after the other.
func judge(rules []specs.LinuxSyscall, newest uint32, c call) uint32 {
	if c.nr > newest && (c.nr < 0xf0000 || rules == nil) {
		return enosys
	}
	for _, r := range rules {
		if slices.ContainsFunc(r.Args, func(a specs.LinuxSeccompArg) bool { return !fits(a, c.args[a.Index]) }) {
			continue
		}
		if r.Action == specs.ActAllow {
			return allow
		}
		return linux.SeccompErrno | uint32(*r.ErrnoRet)
	}
	return eperm
}

func fits(a specs.LinuxSeccompArg, arg uint64) bool {
	switch a.Op {
	case specs.OpEqualTo:
		return arg == a.Value
	case specs.OpLessThan:
		return arg < a.Value
	case specs.OpMaskedEqual:
		return arg&a.Value == a.ValueTwo
	}
	panic("no such comparison: " + string(a.Op))
}

// newestOf is the highest number that a rule names, 32-bit ARM's private ones aside.
func newestOf(rules []specs.LinuxSyscall, table map[uint32][]string) (newest uint32) {
	for nr, names := range table {
		if nr < 0xf0000 && naming(rules, names) != nil {
			newest = max(newest, nr)
		}
	}
	return newest
}

// borders are the arguments at which a condition of the rules may change its mind.
func borders(rules []specs.LinuxSyscall) []uint64 {
	list := []uint64{0, 1, 1 << 31, 1 << 32, 1 << 63, ^uint64(0)}
	for _, r := range rules {
		for _, a := range r.Args {
			list = append(list, a.Value-1, a.Value, a.Value+1, a.Value|1<<32, a.Value<<32, ^a.Value, ^a.Value|1<<25, a.Value|1<<63)
			for bit := range 64 {
				if a.Op == specs.OpMaskedEqual {
					list = append(list, 1<<bit)
				}
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// TestPrograms: every embedded program decides as the profile does, of every number in every ABI
// and at each border of the arguments' conditions.
func TestPrograms(t *testing.T) {
	for machine, tables := range machines {
		for variant, want := range wanted {
			rules := append(evaluated(machine, want.caps), want.extra...)
			if machine == runtime.GOARCH {
				rules = append(mobys(t, want.caps), want.extra...)
			}
			machineVM := newVM(t, generated(t, machine, variant))
			for abi, audit := range tables {
				t.Run(fmt.Sprintf("%s/%s/%s", machine, variant, abi), func(t *testing.T) {
					compare(t, machineVM, audit, rules, callNames(t, abi))
				})
			}
		}
	}
}

func compare(t *testing.T, v vm, audit uint32, rules []specs.LinuxSyscall, table map[uint32][]string) {
	t.Helper()
	newest := newestOf(rules, table)
	args, faults, verdicts := borders(rules), 0, map[uint32]int{}
	for _, nr := range numbers() {
		about := naming(rules, table[nr])
		for i, arg := range args {
			if about == nil && i%40 != 0 {
				continue // no rule looks at it
			}
			c := call{audit: audit, nr: nr, args: [6]uint64{arg, ^arg, arg, ^arg, arg, ^arg}}
			got, want := v.verdict(t, c), judge(about, newest, c)
			verdicts[want]++
			if got != want && faults < 10 {
				faults++
				t.Errorf("call %d %v with %#x: %s, want %s", nr, table[nr], arg, verdictName(got), verdictName(want))
			}
		}
	}
	if verdicts[allow] == 0 || verdicts[eperm] == 0 || verdicts[enosys] == 0 {
		t.Errorf("the test sees too little: %v", verdicts)
	}
}

// TestEvaluation: this test's evaluation is moby's, so that it can speak for the other architecture
// too.
func TestEvaluation(t *testing.T) {
	for variant, want := range wanted {
		own, moby := evaluated(runtime.GOARCH, want.caps), mobys(t, want.caps)
		if diff := cmp.Diff(moby, own); diff != "" {
			t.Errorf("%s (-moby +own):\n%s", variant, diff)
		}
	}
}

// TestNetAdmin: Docker's profile has no rule for CAP_NET_ADMIN, so that netadmin needs no variant
// of its own.
func TestNetAdmin(t *testing.T) {
	with := mobys(t, append(slices.Clone(dockerCaps), "CAP_NET_ADMIN"))
	if diff := cmp.Diff(mobys(t, dockerCaps), with); diff != "" {
		t.Errorf("with CAP_NET_ADMIN (-without +with):\n%s", diff)
	}
}

// TestForeignArchitectures: what is neither of a kernel's ABIs ends the process, and x32's calls
// are none.
func TestForeignArchitectures(t *testing.T) {
	for machine, foreign := range map[string][]uint32{"amd64": {linux.AuditARM64, linux.AuditARM, 0, 0xffffffff}, "arm64": {linux.AuditAMD64, linux.Audit386, 0, 0xffffffff}} {
		for _, variant := range seccomp.Variants() {
			v := newVM(t, generated(t, machine, variant))
			for _, audit := range foreign {
				if got := v.verdict(t, call{audit: audit, nr: 1}); got != kill {
					t.Errorf("%s %s: audit number %#x: %s", machine, variant, audit, verdictName(got))
				}
			}
		}
	}
	v := newVM(t, generated(t, "amd64", seccomp.Debug))
	for nr := uint32(0x40000000); nr < 0x40000000+1000; nr++ {
		if got := v.verdict(t, call{audit: linux.AuditAMD64, nr: nr}); got != enosys {
			t.Errorf("x32 call %#x: %s", nr, verdictName(got))
		}
	}
}

// TestEmbedded: what is embedded for this architecture is what was generated, in the kernel's own
// form.
func TestEmbedded(t *testing.T) {
	for _, variant := range seccomp.Variants() {
		got, err := seccomp.Program(variant)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, generated(t, runtime.GOARCH, variant)) || len(got) > 4096 {
			t.Errorf("%s: %d instructions", variant, len(got))
		}
	}
	if _, err := seccomp.Program("none"); err == nil {
		t.Error("there is a program for a variant that does not exist")
	}
}

// TestTable: the programs are what the table says each variant allows beyond the one before.
func TestTable(t *testing.T) {
	table := "| filter | allows beyond the one above it |\n|---|---|\n"
	var before []string
	for _, variant := range seccomp.Variants() {
		allowed := allowedCalls(t, variant)
		more := slices.DeleteFunc(slices.Clone(allowed), func(name string) bool { return slices.Contains(before, name) })
		text := strings.Join(more, ", ")
		if before == nil {
			text = fmt.Sprintf("%d calls, as Docker's profile for a container without capabilities", len(more))
		}
		table += fmt.Sprintf("| %s | %s |\n", variant, text)
		before = allowed
	}
	want, err := os.ReadFile("testdata/variants.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), table); diff != "" {
		t.Errorf("testdata/variants.md (-want +got):\n%s", diff)
	}
}

// allowedCalls names amd64's calls that a variant allows with some argument, and those arguments
// where not all are.
func allowedCalls(t *testing.T, variant seccomp.Variant) (list []string) {
	t.Helper()
	v := newVM(t, generated(t, "amd64", variant))
	args := borders(append(evaluated("amd64", wanted[variant].caps), wanted[variant].extra...))
	for nr, names := range callNames(t, "amd64") {
		var fit []string
		for _, arg := range args {
			if v.verdict(t, call{audit: linux.AuditAMD64, nr: nr, args: [6]uint64{arg}}) == allow {
				fit = append(fit, fmt.Sprintf("%s(%#x)", names[0], arg))
			}
		}
		switch {
		case len(fit) == len(args):
			list = append(list, names[0])
		case names[0] == "personality": // of the others the arguments are the same for all variants
			list = append(list, fit...)
		case len(fit) > 0:
			list = append(list, names[0]+" with some arguments")
		}
	}
	slices.Sort(list)
	return list
}

var sink linux.SeccompProgram

// BenchmarkProgram is what the embedded form costs a session.
func BenchmarkProgram(b *testing.B) {
	for b.Loop() {
		sink, _ = seccomp.Program(seccomp.Default)
	}
}
