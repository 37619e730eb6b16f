package testutil_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/internal/testutil"
	"dlx/nsutil"
)

// TestHostLeft: an orphan and a namespace that only a descriptor holds are seen, until they go.
func TestHostLeft(t *testing.T) {
	testutil.RequireRoot(t)
	sh := testutil.RequireTool(t, "sh")
	host := testutil.TakeHost(t)
	out, err := exec.Command(sh, "-c", "sleep 1000 >&- 2>&- & echo $!").Output()
	if err != nil {
		t.Fatal(err)
	}
	orphan, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	var ns *os.File
	if err := nsutil.OnThread(func() (err error) {
		if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
			return err
		}
		ns, err = os.Open("/proc/thread-self/ns/mnt")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	seen := func(what string) {
		testutil.Wait(t, what, time.Minute, func() bool { return strings.Contains(strings.Join(host.Left(0), "\n"), what) })
	}
	seen("(sleep)")
	if err := syscall.Kill(orphan, syscall.SIGKILL); err != nil { // it is reaped when it is looked for
		t.Error(err)
	}
	seen("mount namespace")
	if err := ns.Close(); err != nil {
		t.Error(err)
	}
	if left := host.Left(time.Minute); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
