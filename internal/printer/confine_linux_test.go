package printer_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/internal/linux"
	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// confined is the program that confines itself, once with root's privileges.
func confined(t *testing.T, args ...string) testutil.Result {
	t.Helper()
	prog := testutil.Prog(t, "confined")
	file := t.TempDir() + "/confined"
	if err := os.WriteFile(file, prog.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	return testutil.Collect(t, exec.CommandContext(ctx, file, args...))
}

// TestConfined: not even root can open, connect, execute or trace any more, on any thread.
func TestConfined(t *testing.T) {
	testutil.RequireRoot(t)
	got := confined(t)
	if got.Code != 0 || !strings.HasSuffix(got.Stdout, "done\n") || strings.Contains(got.Stdout, "worked") {
		t.Errorf("status %d:\n%s%s", got.Code, got.Stdout, got.Stderr)
	}
	for _, line := range []string{"NoNewPrivs:\t1\n", "Seccomp:\t2\n", "Seccomp_filters:\t1\n"} {
		if !strings.Contains(got.Stdout, line) {
			t.Errorf("%q is not in its status:\n%s", line, got.Stdout)
		}
	}
}

// TestConfinedMemory: a bound on memory holds.
func TestConfinedMemory(t *testing.T) {
	if got := confined(t, "128"); got.Code != 0 || got.Stdout != "took 128\n" {
		t.Errorf("128 MiB: %+v", got)
	}
	if got := confined(t, "600"); got.Code == 0 || strings.Contains(got.Stdout, "took") {
		t.Errorf("600 MiB: status %d, %s", got.Code, got.Stdout)
	}
}

// TestConfinedStall: packets that take CPU time without an end are given up. A file whose parts
// each take time is read to its end, even if all take longer than the limit.
func TestConfinedStall(t *testing.T) {
	const want = "packets could not be taken apart in 200ms of CPU time: what follows is not read\n"
	if got := confined(t, "stall"); got.Code != 0 || got.Stdout != want {
		t.Errorf("without an end: %+v", got)
	}
	if got := confined(t, "slow"); got.Code != 0 || got.Stdout != "<nil>\n" {
		t.Errorf("slow: %+v", got)
	}
}

// TestConfinedTwice: Landlock and the filter of system calls each forbid files by themselves, and
// so each is there. The first says EACCES, the other EPERM.
func TestConfinedTwice(t *testing.T) {
	testutil.RequireRoot(t)
	for step, says := range map[string]string{linux.SeccompStep: "permission denied", linux.LandlockStep: "operation not permitted"} {
		got := confined(t, step)
		if strings.HasPrefix(got.Stdout, "Landlock 0\n") && step == linux.SeccompStep {
			testutil.SkipOrFail(t, "needs Landlock")
		}
		_, lines, _ := strings.Cut(got.Stdout, "\n")
		want := fmt.Sprintf("open: open /etc/passwd: %[1]s\ncreate: open /tmp/dlx-confined: %[1]s\nlist: open /proc: %[1]s\nexecute: %[1]s\n", says)
		if diff := cmp.Diff(want, lines); got.Code != 0 || diff != "" {
			t.Errorf("without %s: status %d, %s (-want +got):\n%s", step, got.Code, got.Stderr, diff)
		}
	}
}
