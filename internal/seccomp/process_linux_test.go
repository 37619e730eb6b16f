package seccomp_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/internal/seccomp"
	"dlx/internal/testutil"
)

// harmless are calls that do no harm where they are allowed, without arguments.
var harmless = []string{
	"bpf", "clone3", "getpid", "init_module", "io_uring_setup", "kcmp", "keyctl", "listns", "mount", "perf_event_open",
	"pidfd_getfd", "process_vm_readv", "setns", "unshare",
}

// under is a command of the test program filtered, by which it puts itself under a variant's
// filter; "" is none.
func under(t *testing.T, v seccomp.Variant, args ...string) *exec.Cmd {
	t.Helper()
	path := filepath.Join(t.TempDir(), "filtered")
	if err := os.WriteFile(path, testutil.Prog(t, "filtered").Data, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("programs", runtime.GOARCH, string(v)+".bpf")
	switch {
	case v == "":
	case args[0] == "--":
		args = append([]string{file}, args...)
	default:
		args = append(args, file)
	}
	return exec.Command(path, args...)
}

// TestCalls: the kernel takes the programs, and a process under one gets the errors that the
// profile says.
func TestCalls(t *testing.T) {
	testutil.RequireRoot(t)
	numbers := map[string]uint32{}
	for nr, names := range callNames(t, runtime.GOARCH) {
		for _, name := range names {
			numbers[name] = nr
		}
	}
	byNumber, list := map[int]string{}, []string(nil)
	for _, name := range harmless {
		byNumber[int(numbers[name])] = name
		list = append(list, fmt.Sprint(numbers[name]))
	}
	forbidden := func(but ...string) map[string]string {
		want := map[string]string{}
		for _, name := range harmless {
			want[name] = "EPERM"
		}
		want["getpid"], want["process_vm_readv"], want["clone3"], want["listns"] = "", "", "ENOSYS", "ENOSYS"
		for _, name := range but {
			want[name] = ""
		}
		return want
	}
	for variant, want := range map[seccomp.Variant]map[string]string{
		"":              forbidden(harmless...),
		seccomp.Bare:    forbidden(),
		seccomp.Default: forbidden(),
		seccomp.Debug:   forbidden("kcmp", "pidfd_getfd", "perf_event_open"),
	} {
		t.Run("under "+string(variant), func(t *testing.T) {
			r := testutil.Collect(t, under(t, variant, "-call", strings.Join(list, ",")))
			got := map[string]string{}
			for line := range strings.Lines(r.Stdout) {
				var nr, errno int
				if _, err := fmt.Sscan(line, &nr, &errno); err != nil {
					t.Fatal(err)
				}
				name := byNumber[nr]
				switch syscall.Errno(errno) {
				case syscall.EPERM:
					got[name] = "EPERM"
				case syscall.ENOSYS:
					got[name] = "ENOSYS"
				default:
					got[name] = "" // the kernel itself has looked at it
				}
			}
			if variant == "" { // what this kernel does not have
				for _, name := range []string{"listns", "init_module", "kcmp", "perf_event_open", "io_uring_setup"} {
					got[name] = ""
				}
			}
			if diff := cmp.Diff(want, got); diff != "" || r.Code != 0 {
				t.Errorf("status %d, %s (-want +got):\n%s", r.Code, r.Stderr, diff)
			}
		})
	}
}

// TestDebuggers: what the profile general promises works under its filter. One thing that gdb needs
// works only there: a program at the addresses that it always has.
func TestDebuggers(t *testing.T) {
	testutil.RequireRoot(t)
	strace, setarch, sleep := testutil.RequireTool(t, "strace"), testutil.RequireTool(t, "setarch"), testutil.RequireTool(t, "sleep")
	target := exec.Command(sleep, "1000")
	if err := target.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = target.Process.Kill()
		_ = target.Wait()
	})
	gdb := testutil.RequireTool(t, "gdb")
	for name, run := range map[string]struct {
		command []string
		fails   []seccomp.Variant
		prints  string
	}{
		"strace":     {command: []string{strace, "-f", "-e", "trace=exit_group", sleep, "0"}, prints: "exit_group(0)"},
		"gdb -p":     {command: []string{gdb, "-nx", "-batch", "-p", strconv.Itoa(target.Process.Pid), "-ex", "info proc"}, prints: "sleep"},
		"setarch -R": {command: []string{setarch, "-R", sleep, "0"}, fails: []seccomp.Variant{seccomp.Bare, seccomp.Default}},
	} {
		for _, variant := range seccomp.Variants() {
			t.Run(name+" under "+string(variant), func(t *testing.T) {
				r := testutil.Collect(t, under(t, variant, append([]string{"--"}, run.command...)...))
				works := r.Code == 0 && strings.Contains(r.Stdout+r.Stderr, run.prints)
				if want := !strings.Contains(fmt.Sprint(run.fails), string(variant)); works != want {
					t.Errorf("status %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
				}
			})
		}
	}
}
